import { check } from "../../common/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { parseDecoderHead } from "../decoder-head.ts";
import type { DecoderConfig } from "../family.ts";

export interface BloomConfig extends DecoderConfig {
  readonly layerNormEpsilon: number;
  /** True if sublayers are added to their normed input instead of to what entered the norm. */
  readonly residualIsNormed: boolean;
  /** Dropout rates: of what sublayers add, of attention weights. */
  readonly hiddenDropout: number;
  readonly attentionDropout: number;
}

export function parseBloomConfig(file: ConfigReader): BloomConfig {
  const read = file.withCommonNames({ n_layer: "num_hidden_layers", n_head: "num_attention_heads" });
  const hiddenSize = read.size((read.json.n_embed ?? undefined) === undefined ? "hidden_size" : "n_embed", 64);
  const heads = read.size("n_head", 8);
  check(
    hiddenSize % heads === 0,
    "config",
    () => `attention: n_head must divide hidden_size; got ${heads} and ${hiddenSize}; check config.json`,
  );
  return {
    vocabSize: read.size("vocab_size", 250880),
    hiddenSize,
    numHiddenLayers: read.size("n_layer", 2),
    numAttentionHeads: heads,
    numKeyValueHeads: heads,
    headSize: hiddenSize / heads,
    maxPositionEmbeddings: Number.POSITIVE_INFINITY, // slopes reach any distance
    head: parseDecoderHead(read),
    padTokenId: read.tokenId("pad_token_id"),
    tieWordEmbeddings: read.boolean("tie_word_embeddings", true),
    layerNormEpsilon: read.number("layer_norm_epsilon", 1e-5),
    residualIsNormed: read.boolean("apply_residual_connection_post_layernorm", false),
    hiddenDropout: read.number("hidden_dropout", 0),
    attentionDropout: read.number("attention_dropout", 0),
  };
}
