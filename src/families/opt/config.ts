import { check } from "../../common/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { parseDecoderHead } from "../decoder-head.ts";
import type { DecoderConfig } from "../family.ts";

export interface OptConfig extends DecoderConfig {
  readonly intermediateSize: number;
  readonly activation: string;
  /** The width of the embeddings; where it is not that of the layers, projections stand before and behind them. */
  readonly embeddingSize: number;
  /** Norms before each sublayer; otherwise behind it. */
  readonly preNorm: boolean;
  readonly hasFinalNorm: boolean;
  /** True if linear layers have biases, and norms weights. */
  readonly hasBias: boolean;
  readonly hasNormWeights: boolean;
  /** Dropout rates: of what sublayers add, of attention weights. */
  readonly dropout: number;
  readonly attentionDropout: number;
}

export function parseOptConfig(file: ConfigReader): OptConfig {
  const read = file.withDefaults({ hidden_size: 768, num_attention_heads: 12, pad_token_id: 1 });
  const [hiddenSize, heads] = [read.size("hidden_size"), read.size("num_attention_heads")];
  check(
    hiddenSize % heads === 0,
    "config",
    () => `attention: num_attention_heads must divide hidden_size; got ${heads} and ${hiddenSize}; check config.json`,
  );
  const preNorm = read.boolean("do_layer_norm_before", true);
  return {
    vocabSize: read.size("vocab_size", 50272),
    hiddenSize,
    numHiddenLayers: read.size("num_hidden_layers", 12),
    numAttentionHeads: heads,
    numKeyValueHeads: heads,
    headSize: hiddenSize / heads,
    maxPositionEmbeddings: read.size("max_position_embeddings", 2048),
    head: parseDecoderHead(read),
    padTokenId: read.tokenId("pad_token_id"),
    tieWordEmbeddings: read.boolean("tie_word_embeddings", true),
    intermediateSize: read.size("ffn_dim", 3072),
    activation: read.string("activation_function", "relu"),
    embeddingSize: read.size("word_embed_proj_dim", hiddenSize),
    preNorm,
    hasFinalNorm: preNorm && !read.boolean("_remove_final_layer_norm", false),
    hasBias: read.boolean("enable_bias", true),
    hasNormWeights: read.boolean("layer_norm_elementwise_affine", true),
    dropout: read.number("dropout", 0.1),
    attentionDropout: read.number("attention_dropout", 0),
  };
}
