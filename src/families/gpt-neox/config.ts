import { check } from "../../common/index.ts";
import { type RotaryConfig, readRotary, rotarySettings } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { parseDecoderHead } from "../decoder-head.ts";
import type { DecoderConfig } from "../family.ts";

export interface GptNeoXConfig extends DecoderConfig {
  readonly intermediateSize: number;
  readonly layerNormEps: number;
  readonly hiddenAct: string;
  readonly attentionBias: boolean;
  /** Attention and feed-forward read the same input; otherwise one after the other. */
  readonly parallelResidual: boolean;
  /** Dropout rates: of attention weights; of embeddings and what sublayers add. */
  readonly attentionDropout: number;
  readonly hiddenDropout: number;
  /** Turns the first part of each head only. */
  readonly rotary: RotaryConfig;
}

export function parseGptNeoXConfig(file: ConfigReader): GptNeoXConfig {
  const read = file.withDefaults({
    vocab_size: 50432,
    hidden_size: 6144,
    num_hidden_layers: 44,
    num_attention_heads: 64,
    intermediate_size: 24576,
  });
  const [hiddenSize, heads] = [read.size("hidden_size"), read.size("num_attention_heads")];
  check(
    hiddenSize % heads === 0,
    "config",
    () => `attention: num_attention_heads must divide hidden_size; got ${heads} and ${hiddenSize}; check config.json`,
  );
  const headSize = hiddenSize / heads;
  const maxPositionEmbeddings = read.size("max_position_embeddings", 2048);
  const rotary = readRotary(rotarySettings(read.json), {
    headSize,
    maxPositions: maxPositionEmbeddings,
    theta: read.number("rotary_emb_base", 10000),
    share: read.number("rotary_pct", 0.25),
    isPartial: true,
    original: read.json.original_max_position_embeddings as number | undefined,
  });
  const reach = rotary.scaling.type === "dynamic" ? rotary.scaling.factor : 1; // dynamic scaling reaches beyond
  return {
    vocabSize: read.size("vocab_size"),
    hiddenSize,
    numHiddenLayers: read.size("num_hidden_layers"),
    numAttentionHeads: heads,
    numKeyValueHeads: heads,
    headSize,
    maxPositionEmbeddings: Math.floor(maxPositionEmbeddings * reach),
    head: parseDecoderHead(read),
    padTokenId: read.tokenId("pad_token_id"),
    tieWordEmbeddings: read.boolean("tie_word_embeddings", false),
    intermediateSize: read.size("intermediate_size"),
    layerNormEps: read.number("layer_norm_eps", 1e-5),
    hiddenAct: read.string("hidden_act", "gelu"),
    attentionBias: read.boolean("attention_bias", true),
    parallelResidual: read.boolean("use_parallel_residual", true),
    attentionDropout: read.number("attention_dropout", 0),
    hiddenDropout: read.number("hidden_dropout", 0),
    rotary,
  };
}
