import { check, LecternError } from "../../common/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import type { EncoderDecoderConfig, HeadConfig } from "../family.ts";
import { parseHead } from "../head.ts";

/** BART's settings, and those in which its relatives differ from it. */
export interface BartConfig extends EncoderDecoderConfig {
  readonly encoder: BartSide;
  readonly decoder: BartSide;
  readonly activation: string;
  readonly embeddingScale: number;
  /** Learned, with two rows in front that nobody uses; or waves, which no checkpoint stores. */
  readonly positions: "learned" | "waves" | "waves-behind-padding";
  /** Norms before each sublayer and one at the end; otherwise behind each. */
  readonly preNorm: boolean;
  /** The shares that training drops: of what sublayers add, of attention weights, within the feed-forward, in a head. */
  readonly dropout: number;
  readonly attentionDropout: number;
  readonly activationDropout: number;
  readonly classifierDropout: number;
  /** Whether embeddings are normed. */
  readonly embeddingNorm: boolean;
  readonly hasLogitsBias: boolean;
  readonly eosTokenId: number;
}

interface BartSide {
  readonly heads: number;
  readonly intermediateSize: number;
}

/** BART (Lewis et al., 2019). */
export function parseBartConfig(read: ConfigReader): BartConfig {
  const hiddenSize = read.size("d_model");
  const side = (name: string): BartSide => {
    const heads = read.size(`${name}_attention_heads`, 16);
    check(
      hiddenSize % heads === 0,
      "config",
      () => `attention: ${name}_attention_heads must divide d_model; got ${heads} and ${hiddenSize}; check config.json`,
    );
    return { heads, intermediateSize: read.size(`${name}_ffn_dim`, 4096) };
  };
  const decoder = side("decoder");
  return {
    vocabSize: read.size("vocab_size"),
    hiddenSize,
    encoderLayers: read.size("encoder_layers", 12),
    decoderLayers: read.size("decoder_layers", 12),
    numKeyValueHeads: decoder.heads,
    headSize: hiddenSize / decoder.heads,
    maxPositionEmbeddings: read.size("max_position_embeddings", 1024),
    tieWordEmbeddings: read.boolean("tie_word_embeddings", true),
    decoderStartTokenId: read.tokenId("decoder_start_token_id", 2) as number,
    padTokenId: read.tokenId("pad_token_id", 1) as number,
    withoutDecoderInput: "shifted-input",
    shift: "start-token",
    head: headOf(read),
    encoder: side("encoder"),
    decoder,
    dropout: read.number("dropout", 0.1),
    attentionDropout: read.number("attention_dropout", 0),
    activationDropout: read.number("activation_dropout", 0),
    classifierDropout: read.number("classifier_dropout", read.number("classif_dropout", 0)),
    activation: read.string("activation_function", "gelu"),
    embeddingScale: read.boolean("scale_embedding", false) ? Math.sqrt(hiddenSize) : 1,
    positions: "learned",
    preNorm: false,
    embeddingNorm: true,
    hasLogitsBias: read.hasTensor(/^final_logits_bias$/),
    eosTokenId: read.tokenId("eos_token_id", 2) as number,
  };
}

function headOf(read: ConfigReader): HeadConfig {
  const architecture = read.architecture() ?? "";
  if (architecture.endsWith("ForSequenceClassification")) return parseHead(read.withDefaults({ num_labels: 3 }));
  if (architecture === "" || /(ForConditionalGeneration|MTModel)$/.test(architecture))
    return { kind: "words", numLabels: 0, problem: "single_label_classification" };
  throw new LecternError("unsupported", `config.json: the head of ${architecture} is not supported for this family`);
}

/** mBART is BART with norms in front, whose decoder begins with the last label, a language (Liu et al., 2020). */
export function parseMbartConfig(read: ConfigReader): BartConfig {
  return { ...parseBartConfig(read), preNorm: true, shift: "last-label" };
}

/** Marian is BART with waves for positions and no norm of embeddings (Junczys-Dowmunt et al., 2018). */
export function parseMarianConfig(read: ConfigReader): BartConfig {
  read.refuse("share_encoder_decoder_embeddings", true);
  const config = parseBartConfig(
    read.withDefaults({ decoder_start_token_id: 58100, pad_token_id: 58100, eos_token_id: 0 }),
  );
  return { ...config, positions: "waves", embeddingNorm: false, withoutDecoderInput: "start-token" };
}

/** Pegasus is Marian with norms in front (Zhang et al., 2019). */
export function parsePegasusConfig(read: ConfigReader): BartConfig {
  const config = parseBartConfig(read.withDefaults({ decoder_start_token_id: 0, pad_token_id: 0, eos_token_id: 1 }));
  const withoutDecoderInput = "start-token" as const;
  return { ...config, positions: "waves", embeddingNorm: false, preNorm: true, withoutDecoderInput };
}

/** M2M-100, and NLLB, is Pegasus with waves that count from behind the padding token (Fan et al., 2020). */
export function parseM2m100Config(read: ConfigReader): BartConfig {
  const config = parsePegasusConfig(
    read.withDefaults({ decoder_start_token_id: 2, pad_token_id: 1, eos_token_id: 2, scale_embedding: true }),
  );
  return { ...config, positions: "waves-behind-padding" };
}
