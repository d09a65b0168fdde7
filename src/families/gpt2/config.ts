import { check } from "../../common/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { parseDecoderHead } from "../decoder-head.ts";
import type { DecoderConfig } from "../family.ts";

/** GPT-2's settings under Lectern's names; `config.json` calls them `n_embd`, `n_head` and so on. */
export interface Gpt2Config extends DecoderConfig {
  readonly intermediateSize: number;
  readonly layerNormEpsilon: number;
  readonly activation: string;
  readonly scaleAttention: boolean;
  readonly scaleByLayer: boolean;
  /** Dropout rates: of embeddings, of what sublayers add, of attention weights. */
  readonly embeddingDropout: number;
  readonly residualDropout: number;
  readonly attentionDropout: number;
}

/** Names that other families have for the same; transformers takes them too, and they go first. */
const otherNames = {
  hidden_size: "n_embd",
  max_position_embeddings: "n_positions",
  num_attention_heads: "n_head",
  num_hidden_layers: "n_layer",
};

export function parseGpt2Config(file: ConfigReader): Gpt2Config {
  const { n_ctx: nPositions = 1024 } = file.json;
  const read = file
    .withDefaults({ vocab_size: 50257, n_positions: nPositions, n_embd: 768, n_layer: 12, n_head: 12 })
    .renamed(otherNames);
  const hiddenSize = read.size("n_embd");
  const heads = read.size("n_head");
  check(
    hiddenSize % heads === 0,
    "config",
    () => `attention: n_head must divide n_embd; n_embd ${hiddenSize}, n_head ${heads}; check config.json`,
  );
  read.refuse("add_cross_attention", false);
  return {
    vocabSize: read.size("vocab_size"),
    hiddenSize,
    numHiddenLayers: read.size("n_layer"),
    numAttentionHeads: heads,
    numKeyValueHeads: heads,
    headSize: hiddenSize / heads,
    maxPositionEmbeddings: read.size("n_positions"),
    head: parseDecoderHead(read),
    padTokenId: read.tokenId("pad_token_id"),
    tieWordEmbeddings: read.boolean("tie_word_embeddings", true),
    intermediateSize: read.size("n_inner", 4 * hiddenSize),
    layerNormEpsilon: read.number("layer_norm_epsilon", 1e-5),
    activation: read.string("activation_function", "gelu_new"),
    scaleAttention: read.boolean("scale_attn_weights", true),
    embeddingDropout: read.number("embd_pdrop", 0.1),
    residualDropout: read.number("resid_pdrop", 0.1),
    attentionDropout: read.number("attn_pdrop", 0.1),
    scaleByLayer: read.boolean("scale_attn_by_inverse_layer_idx", false),
  };
}
