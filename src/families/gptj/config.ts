import { check } from "../../common/index.ts";
import { type RotaryConfig, readRotary } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { parseDecoderHead } from "../decoder-head.ts";
import type { DecoderConfig } from "../family.ts";

export interface GptJConfig extends DecoderConfig {
  readonly intermediateSize: number;
  readonly layerNormEpsilon: number;
  readonly activation: string;
  /** Turns the first part of each head only, whose pairs lie side by side. */
  readonly rotary: RotaryConfig;
  /** Dropout rates: of embeddings, of what sublayers add, of attention weights. */
  readonly embeddingDropout: number;
  readonly residualDropout: number;
  readonly attentionDropout: number;
}

const commonNames = {
  n_embd: "hidden_size",
  n_positions: "max_position_embeddings",
  n_head: "num_attention_heads",
  n_layer: "num_hidden_layers",
};

export function parseGptJConfig(file: ConfigReader): GptJConfig {
  const read = file
    .withCommonNames(commonNames)
    .withDefaults({ n_embd: 4096, n_layer: 28, n_head: 16, n_positions: 2048, rotary_dim: 64 });
  const [hiddenSize, heads] = [read.size("n_embd"), read.size("n_head")];
  check(
    hiddenSize % heads === 0,
    "config",
    () => `attention: n_head must divide n_embd; got ${heads} and ${hiddenSize}; check config.json`,
  );
  const headSize = hiddenSize / heads;
  const turned = read.size("rotary_dim");
  check(
    turned % 2 === 0 && turned <= headSize,
    "config",
    () => `config.json: rotary_dim must be even and at most the head size ${headSize}; got ${turned}`,
  );
  const maxPositions = read.size("n_positions");
  const source = { headSize, maxPositions, theta: 10000, share: turned / headSize, isPartial: true };
  return {
    vocabSize: read.size("vocab_size", 50400),
    hiddenSize,
    numHiddenLayers: read.size("n_layer"),
    numAttentionHeads: heads,
    numKeyValueHeads: heads,
    headSize,
    maxPositionEmbeddings: maxPositions,
    head: parseDecoderHead(read),
    padTokenId: read.tokenId("pad_token_id"),
    tieWordEmbeddings: read.boolean("tie_word_embeddings", false),
    intermediateSize: read.size("n_inner", 4 * hiddenSize),
    layerNormEpsilon: read.number("layer_norm_epsilon", 1e-5),
    activation: read.string("activation_function", "gelu_new"),
    rotary: { ...readRotary({}, source), isInterleaved: true },
    embeddingDropout: read.number("embd_pdrop", 0),
    residualDropout: read.number("resid_pdrop", 0),
    attentionDropout: read.number("attn_pdrop", 0),
  };
}
