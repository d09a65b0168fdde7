import { check } from "../../common/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import type { DecoderConfig, EncoderDecoderConfig, HeadConfig, HeadKind } from "../family.ts";
import { headRefused, parseLabels } from "../head.ts";
import type { LongAttention } from "../longformer/attention.ts";
import { holds, tie } from "../ties.ts";

/** The settings of the encoder and decoder of BART and its relatives. */
export interface BartStack {
  readonly hiddenSize: number;
  /** The context window of the decoder, and of the encoder if it has another. */
  readonly maxPositionEmbeddings: number;
  readonly sourcePositions?: number;
  /** The path of both stacks. */
  readonly root: "model" | "led";
  readonly padTokenId: number | undefined;
  readonly encoder: BartSide;
  readonly decoder: BartSide;
  readonly activation: string;
  readonly embeddingScale: number;
  /** Learned, with two rows in front that nobody uses or without them; or waves. */
  readonly positions: "learned" | "learned-from-zero" | "sinusoidal" | "sinusoidal-after-padding";
  /** Norms before each sublayer and one at the end; otherwise behind each. */
  readonly preNorm: boolean;
  /** Dropout rates: of what sublayers add, of attention weights, within the feed-forward, in a head. */
  readonly dropout: number;
  readonly attentionDropout: number;
  readonly activationDropout: number;
  readonly classifierDropout: number;
  /** True if embeddings are normed. */
  readonly embeddingNorm: boolean;
  readonly hasLogitsBias: boolean;
  /** The table that scores words. */
  readonly output: string;
}

/** BART's settings, and those in which its relatives differ from it. */
export interface BartConfig extends EncoderDecoderConfig, BartStack {
  /** The token whose state a head for classes reads. */
  readonly eosTokenId: number | undefined;
}

interface BartSide {
  readonly heads: number;
  readonly intermediateSize: number;
  readonly vocabSize: number;
  readonly positionCount: number;
  /** Attention in windows, of an encoder for long texts. */
  readonly long?: LongAttention;
  /** The table of its words. */
  readonly words: string;
  /** True if the checkpoint has positions of its own, where they are waves otherwise. */
  readonly hasPositions: boolean;
}

/** The differences of a relative from BART, defaults of its config included. */
interface Relative {
  readonly defaults?: Readonly<Record<string, unknown>>;
  readonly traits?: Partial<
    Pick<BartConfig, "root" | "positions" | "preNorm" | "embeddingNorm" | "withoutDecoderInput" | "labelShift">
  >;
  /** Heads that it has beside the one for words. */
  readonly heads?: RegExp;
}

const commonNames = {
  encoder_attention_heads: "num_attention_heads",
  d_model: "hidden_size",
  encoder_layers: "num_hidden_layers",
};

const bartDefaults = {
  vocab_size: 50265,
  d_model: 1024,
  decoder_start_token_id: 2,
  pad_token_id: 1,
  bos_token_id: 0,
  eos_token_id: 2,
};

/** BART (Lewis et al., 2019); its classifiers tell three classes apart where nothing is said. */
export function parseBartConfig(file: ConfigReader): BartConfig {
  const { json } = file;
  const classes = json.id2label == null ? file.withDefaults({ num_labels: 3 }) : file;
  return parseRelative(classes, { heads: /For(SequenceClassification|QuestionAnswering)$/ });
}

/** The settings that BART and all its relatives read from their config. */
export function parseRelative(file: ConfigReader, { defaults, traits, heads }: Relative): BartConfig {
  const read = file.withCommonNames(commonNames).withDefaults({ ...bartDefaults, ...defaults });
  const head = headOf(read, heads);
  const stack = parseStack(read, traits);
  return {
    ...stack,
    vocabSize: stack.decoder.vocabSize,
    sourceVocabSize: stack.encoder.vocabSize,
    encoderLayers: read.size("encoder_layers", 12),
    decoderLayers: read.size("decoder_layers", 12),
    numKeyValueHeads: stack.decoder.heads,
    headSize: stack.hiddenSize / stack.decoder.heads,
    tieWordEmbeddings: stack.output === stack.decoder.words,
    decoderStartTokenId: read.tokenId("decoder_start_token_id") ?? read.tokenId("bos_token_id"),
    withoutDecoderInput: traits?.withoutDecoderInput ?? "shifted-input",
    labelShift: traits?.labelShift ?? "start-token",
    wordTables: [stack.encoder.words, stack.decoder.words, stack.output],
    head,
    eosTokenId: head.kind === "sequence-classification" ? read.tokenId("eos_token_id") : undefined,
  };
}

/** The settings of both stacks. */
function parseStack(read: ConfigReader, traits: Relative["traits"] = {}): BartStack {
  const hiddenSize = read.size("d_model");
  const positions = traits.positions ?? "learned";
  const padTokenId = read.tokenId("pad_token_id");
  check(
    positions !== "sinusoidal-after-padding" || padTokenId !== undefined,
    "config",
    () =>
      "config.json: pad_token_id must be a token id, behind which positions count; got null; give the tokenizer's, usually 1",
  );
  const root = traits.root ?? "model";
  const { vocabularies, tables } = wordTables(read, root);
  const maxPositionEmbeddings = read.size("max_position_embeddings", 1024);
  const side = (name: "encoder" | "decoder"): BartSide => {
    const heads = read.size(`${name}_attention_heads`, 16);
    check(
      hiddenSize % heads === 0,
      "config",
      () => `attention: ${name}_attention_heads must divide d_model; got ${heads} and ${hiddenSize}; check config.json`,
    );
    return {
      heads,
      intermediateSize: read.size(`${name}_ffn_dim`, 4096),
      vocabSize: vocabularies[name],
      positionCount: maxPositionEmbeddings,
      words: tables[name],
      hasPositions: positions === "sinusoidal" && holds(read, `model.${name}.embed_positions.weight`, "model."),
    };
  };
  return {
    hiddenSize,
    maxPositionEmbeddings,
    root,
    padTokenId,
    encoder: side("encoder"),
    decoder: side("decoder"),
    dropout: read.number("dropout", 0.1),
    attentionDropout: read.number("attention_dropout", 0),
    activationDropout: read.number("activation_dropout", 0),
    classifierDropout: read.number("classifier_dropout", 0),
    activation: read.string("activation_function", "gelu"),
    embeddingScale: read.boolean("scale_embedding", false) ? Math.sqrt(hiddenSize) : 1,
    positions,
    preNorm: traits.preNorm ?? false,
    embeddingNorm: traits.embeddingNorm ?? true,
    hasLogitsBias: positions !== "sinusoidal-after-padding" && read.hasTensor(/^final_logits_bias$/),
    output: tables.output,
  };
}

/** The tables of words and their rows: one for all, or, as Marian may have, one for each language. */
function wordTables(read: ConfigReader, root: BartStack["root"]) {
  const prefix = `${root}.`;
  const [source, target, output] = [`${prefix}encoder.embed_tokens`, `${prefix}decoder.embed_tokens`, "lm_head"];
  const isShared = read.boolean("share_encoder_decoder_embeddings", true);
  const of = isShared
    ? tie(read, prefix, { source: `${prefix}shared`, targets: [output, target, source] })
    : tie(read, prefix, { source: target, targets: [output] });
  const own = read.size("vocab_size");
  const decoder = isShared || !read.json.decoder_vocab_size ? own : read.size("decoder_vocab_size");
  return {
    vocabularies: { encoder: own, decoder },
    tables: { encoder: isShared ? of(source) : source, decoder: of(target), output: of(output) },
  };
}

/** The decoder of BART or a relative by itself, without attention over an encoder. */
export interface BartDecoderConfig extends Omit<DecoderConfig, "padTokenId">, BartStack {}

/** The settings of the decoder of BART, or of a relative, alone: `parse` reads those of the whole. */
export function decoderAlone(parse: (read: ConfigReader) => BartConfig): (read: ConfigReader) => BartDecoderConfig {
  return (file) => {
    const read = file.withValues({ share_encoder_decoder_embeddings: false, architectures: undefined });
    const whole = parse(read);
    return {
      ...whole,
      numHiddenLayers: whole.decoderLayers,
      numAttentionHeads: whole.decoder.heads,
      padTokenId: whole.padTokenId,
      hasLogitsBias: false,
    };
  };
}

const kinds: readonly (readonly [ending: RegExp, kind: HeadKind])[] = [
  [/ForSequenceClassification$/, "sequence-classification"],
  [/ForQuestionAnswering$/, "question-answering"],
  [/^(?!.*MTModel$).*Model$/, "none"],
];

function headOf(read: ConfigReader, heads: RegExp | undefined): HeadConfig {
  const architecture = read.architecture() ?? "";
  if (architecture === "" || /(ForConditionalGeneration|MTModel)$/.test(architecture))
    return { kind: "lm", numLabels: 0, problem: "single_label_classification" };
  const kind = kinds.find(([ending]) => ending.test(architecture))?.[1];
  if (!kind || (kind !== "none" && !heads?.test(architecture))) throw headRefused(architecture);
  return { ...parseLabels(read), kind };
}

/** mBART is BART with norms in front, whose decoder begins with the last label, a language (Liu et al., 2020). */
export function parseMbartConfig(file: ConfigReader): BartConfig {
  return parseRelative(file, {
    defaults: { decoder_start_token_id: null },
    traits: { preNorm: true, labelShift: "last-label" },
    heads: /For(SequenceClassification|QuestionAnswering)$/,
  });
}

/** Marian is BART with waves for positions and no norm of embeddings (Junczys-Dowmunt et al., 2018). */
export function parseMarianConfig(file: ConfigReader): BartConfig {
  return parseRelative(file, {
    defaults: {
      vocab_size: 58101,
      decoder_start_token_id: 58100,
      pad_token_id: 58100,
      bos_token_id: null,
      eos_token_id: 0,
    },
    traits: { positions: "sinusoidal", embeddingNorm: false, withoutDecoderInput: "start-token" },
  });
}

/** Pegasus is Marian with norms in front (Zhang et al., 2019). */
export function parsePegasusConfig(file: ConfigReader): BartConfig {
  return parseRelative(file.withValues({ share_encoder_decoder_embeddings: true }), {
    defaults: {
      decoder_start_token_id: 0,
      pad_token_id: 0,
      bos_token_id: null,
      eos_token_id: 1,
    },
    traits: { positions: "sinusoidal", embeddingNorm: false, preNorm: true, withoutDecoderInput: "start-token" },
  });
}

/** M2M-100, and NLLB, is Pegasus with waves that count from behind the padding token (Fan et al., 2020). */
export function parseM2m100Config(file: ConfigReader): BartConfig {
  return parseRelative(file.withValues({ share_encoder_decoder_embeddings: true }), {
    defaults: {
      vocab_size: 128112,
      activation_function: "relu",
      attention_dropout: 0.1,
      scale_embedding: true,
    },
    traits: {
      positions: "sinusoidal-after-padding",
      embeddingNorm: false,
      preNorm: true,
      withoutDecoderInput: "start-token",
    },
  });
}
