import { check } from "../../common/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import type { EncoderConfig, EncoderDecoderConfig, HeadConfig, HeadKind } from "../family.ts";
import { headRefused, parseLabels } from "../head.ts";
import { tie } from "../ties.ts";

/** The settings of the encoder and decoder of T5. */
export interface T5Stack {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly headSize: number;
  readonly numHeads: number;
  readonly intermediateSize: number;
  readonly layerNormEpsilon: number;
  readonly activation: string;
  readonly isGated: boolean;
  /** Dropout rates: everywhere, and in a head for classes. */
  readonly dropout: number;
  readonly classifierDropout: number;
  readonly numBuckets: number;
  readonly maxDistance: number;
  /** True if each layer has its own table of what distances are worth; else the first one's serves all. */
  readonly hasBiasInEachLayer: boolean;
  /** The tables of words that each side reads, and the one that scores them. */
  readonly words: { readonly encoder: string; readonly decoder: string; readonly output: string };
}

export interface T5Config extends EncoderDecoderConfig, T5Stack {
  /** True if the decoder's last states are scaled down before the head: T5 1.0 does, its successors do not. */
  readonly scaleDecoderOutputs: boolean;
  /** The token whose state a head for classes reads. */
  readonly eosTokenId: number | undefined;
}

/** T5's encoder alone. */
export interface T5EncoderConfig extends EncoderConfig, T5Stack {}

const commonNames = {
  d_model: "hidden_size",
  num_heads: "num_attention_heads",
  num_layers: "num_hidden_layers",
  d_kv: "head_dim",
};

const t5Defaults = { vocab_size: 32128, d_model: 512, d_ff: 2048, num_layers: 6, num_heads: 8 };

/** The differences of mT5, which is T5 1.1 in 101 languages (Xue et al., 2020). */
const mt5Defaults = {
  vocab_size: 250112,
  d_ff: 1024,
  num_layers: 8,
  num_heads: 6,
  feed_forward_proj: "gated-gelu",
};

/**
 * T5 1.0, and, by `feed_forward_proj` and `tie_word_embeddings`, 1.1 and FLAN-T5: a checkpoint's own head is its head,
 * and `tie_word_embeddings`, or `scale_decoder_outputs` beside it, says whether what it reads is scaled.
 */
export function parseT5Config(file: ConfigReader): T5Config {
  const isTied = file.boolean("tie_word_embeddings", true);
  return parseWhole(file, t5Defaults, file.boolean("scale_decoder_outputs", isTied));
}

/** mT5 (Xue et al., 2020). */
export function parseMt5Config(file: ConfigReader): T5Config {
  return parseWhole(file, { ...t5Defaults, ...mt5Defaults }, false);
}

/** UMT5 is mT5 with a table of what distances are worth in each layer, whose tied head is scaled (Chung et al., 2023). */
export function parseUmt5Config(file: ConfigReader): T5Config {
  return { ...parseWhole(file, { ...t5Defaults, ...mt5Defaults }, true), hasBiasInEachLayer: true };
}

/** The encoder of T5 alone, as sentence-transformers' and taggers of tokens are. */
export const parseT5EncoderConfig = (file: ConfigReader): T5EncoderConfig => parseEncoder(file, t5Defaults);

export function parseMt5EncoderConfig(file: ConfigReader): T5EncoderConfig {
  return parseEncoder(file, { ...t5Defaults, ...mt5Defaults });
}

export function parseUmt5EncoderConfig(file: ConfigReader): T5EncoderConfig {
  return { ...parseMt5EncoderConfig(file), hasBiasInEachLayer: true };
}

type Json = Readonly<Record<string, unknown>>;

function parseWhole(file: ConfigReader, defaults: Json, scaleDecoderOutputs: boolean): T5Config {
  const read = file.withCommonNames(commonNames).withDefaults(defaults);
  const stack = parseStack(read);
  const head = headOf(read);
  const padTokenId = read.tokenId("pad_token_id", 0);
  return {
    ...stack,
    encoderLayers: read.size("num_layers"),
    // The reference reads the plain name here, whatever the common one says.
    decoderLayers: read.size("num_decoder_layers", file.withDefaults(defaults).size("num_layers")),
    numKeyValueHeads: stack.numHeads,
    maxPositionEmbeddings: Number.POSITIVE_INFINITY, // relative positions reach any distance
    tieWordEmbeddings: stack.words.output === stack.words.decoder,
    decoderStartTokenId: read.tokenId("decoder_start_token_id") ?? padTokenId,
    padTokenId,
    withoutDecoderInput: head.kind === "lm" ? "start-token" : "shifted-input",
    labelShift: "start-token",
    wordTables: [stack.words.encoder, stack.words.decoder, stack.words.output],
    head,
    scaleDecoderOutputs,
    eosTokenId: head.kind === "sequence-classification" ? read.tokenId("eos_token_id", 1) : undefined,
  };
}

function parseEncoder(file: ConfigReader, defaults: Json): T5EncoderConfig {
  const read = file.withCommonNames(commonNames).withDefaults(defaults);
  const stack = parseStack(read);
  const kind = read.architecture()?.endsWith("ForTokenClassification") ? "token-classification" : "none";
  return {
    ...stack,
    numHiddenLayers: read.size("num_layers"),
    numAttentionHeads: stack.numHeads,
    maxPositionEmbeddings: Number.POSITIVE_INFINITY,
    tieWordEmbeddings: false,
    head: { ...parseLabels(read), kind },
  };
}

function parseStack(read: ConfigReader): T5Stack {
  const { activation, isGated } = feedForward(read);
  return {
    vocabSize: read.size("vocab_size"),
    hiddenSize: read.size("d_model"),
    headSize: read.size("d_kv", 64),
    numHeads: read.size("num_heads"),
    intermediateSize: read.size("d_ff"),
    layerNormEpsilon: read.number("layer_norm_epsilon", 1e-6),
    activation,
    isGated,
    dropout: read.number("dropout_rate", 0.1),
    classifierDropout: read.number("classifier_dropout", 0),
    numBuckets: read.size("relative_attention_num_buckets", 32),
    maxDistance: read.size("relative_attention_max_distance", 128),
    hasBiasInEachLayer: false,
    words: wordTables(read),
  };
}

/** `feed_forward_proj` is an activation, perhaps after `gated-`; `dense_act_fn` and `is_gated_act` go before it. */
function feedForward(read: ConfigReader): Pick<T5Stack, "activation" | "isGated"> {
  const named = read.string("feed_forward_proj", "relu");
  const parts = /^(gated-)?([^-]+)$/.exec(named);
  check(
    parts,
    "config",
    () => `config.json: feed_forward_proj must be an activation or gated- and one, such as gated-gelu; got "${named}"`,
  );
  const [, gated, plain = named] = parts;
  return {
    activation: read.string("dense_act_fn", named === "gated-gelu" ? "gelu_new" : plain),
    isGated: read.boolean("is_gated_act", gated !== undefined),
  };
}

/**
 * transformers 5 ties all tables of T5 whose weights the file does not hold apart, whatever `tie_word_embeddings` says.
 * A model made anew has a head of its own where that is false.
 */
function wordTables(read: ConfigReader): T5Stack["words"] {
  const [encoder, decoder, output] = ["encoder.embed_tokens", "decoder.embed_tokens", "lm_head"];
  const of = tie(read, "transformer.", { source: "shared", targets: [encoder, decoder, output], isTied: true });
  const isNew = !read.hasTensor(/./) && !read.boolean("tie_word_embeddings", true);
  return { encoder: of(encoder), decoder: of(decoder), output: isNew ? output : of(output) };
}

const kinds: readonly (readonly [ending: RegExp, kind: HeadKind])[] = [
  [/ForConditionalGeneration$/, "lm"],
  [/ForSequenceClassification$/, "sequence-classification"],
  [/ForQuestionAnswering$/, "question-answering"],
  [/^(M|UM)?T5Model$/, "none"],
];

function headOf(read: ConfigReader): HeadConfig {
  const architecture = read.architecture() ?? "T5ForConditionalGeneration";
  const kind = kinds.find(([ending]) => ending.test(architecture))?.[1];
  if (!kind) throw headRefused(architecture);
  return { ...parseLabels(read), kind };
}
