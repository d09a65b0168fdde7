import { check } from "../../common/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import type { EncoderDecoderConfig } from "../family.ts";

export interface T5Config extends EncoderDecoderConfig {
  readonly numHeads: number;
  readonly intermediateSize: number;
  readonly layerNormEpsilon: number;
  readonly activation: string;
  readonly isGated: boolean;
  /** The share that training drops, everywhere. */
  readonly dropout: number;
  readonly numBuckets: number;
  readonly maxDistance: number;
  /** Whether the decoder's last states are scaled down before the head: T5 1.0 does, its successors do not. */
  readonly scalesOutput: boolean;
  /** Whether the head is a tensor of its own (T5 1.1), or the embeddings. */
  readonly hasHead: boolean;
}

/**
 * T5 1.0, and, by `feed_forward_proj` and `tie_word_embeddings`, 1.1 and FLAN-T5. transformers 5 writes that the latter
 * tie their embeddings too, and `scale_decoder_outputs` beside it.
 */
export function parseT5Config(read: ConfigReader): T5Config {
  const feedForward = read.string("feed_forward_proj", "relu");
  const parts = /^(gated-)?(\w+)$/.exec(feedForward);
  check(parts, "config", () => `config.json: feed_forward_proj "${feedForward}" is not known; known: relu, gated-gelu`);
  const [, gated, named] = parts as unknown as [string, string | undefined, string];
  const numLayers = read.size("num_layers", 6);
  const tieWordEmbeddings = read.boolean("tie_word_embeddings", true);
  const numHeads = read.size("num_heads", 8);
  return {
    vocabSize: read.size("vocab_size"),
    hiddenSize: read.size("d_model"),
    encoderLayers: numLayers,
    decoderLayers: read.size("num_decoder_layers", numLayers),
    numKeyValueHeads: numHeads,
    headSize: read.size("d_kv", 64),
    maxPositionEmbeddings: Number.POSITIVE_INFINITY, // relative positions reach any distance
    tieWordEmbeddings,
    decoderStartTokenId: read.tokenId("decoder_start_token_id", read.tokenId("pad_token_id", 0)) as number,
    padTokenId: read.tokenId("pad_token_id", 0) as number,
    withoutDecoderInput: "start-token",
    shift: "start-token",
    head: { kind: "words", numLabels: 0, problem: "single_label_classification" },
    numHeads,
    dropout: read.number("dropout_rate", 0.1),
    intermediateSize: read.size("d_ff", 2048),
    layerNormEpsilon: read.number("layer_norm_epsilon", 1e-6),
    activation: feedForward === "gated-gelu" ? "gelu_new" : named,
    isGated: gated !== undefined,
    numBuckets: read.size("relative_attention_num_buckets", 32),
    maxDistance: read.size("relative_attention_max_distance", 128),
    scalesOutput: read.boolean("scale_decoder_outputs", tieWordEmbeddings),
    hasHead: !tieWordEmbeddings || read.hasTensor(/^lm_head\.weight$/),
  };
}

/** mT5 is T5 1.1 in 101 languages (Xue et al., 2020). */
export function parseMt5Config(read: ConfigReader): T5Config {
  const config = parseT5Config(read.withDefaults({ feed_forward_proj: "gated-gelu", tie_word_embeddings: false }));
  return { ...config, scalesOutput: false };
}
