import { check } from "../../common/index.ts";
import { parseRotary, type RotaryConfig } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import type { DecoderConfig } from "../family.ts";

export interface LlamaConfig extends DecoderConfig {
  readonly intermediateSize: number;
  readonly rmsNormEps: number;
  readonly hiddenAct: string;
  readonly attentionBias: boolean;
  readonly mlpBias: boolean;
  readonly rotary: RotaryConfig;
  /** How many positions back a query sees; undefined: all. */
  readonly slidingWindow: number | undefined;
}

export function parseLlamaConfig(read: ConfigReader): LlamaConfig {
  const hiddenSize = read.size("hidden_size");
  const heads = read.size("num_attention_heads");
  const keyHeads = read.size("num_key_value_heads", heads);
  const explicit = read.json.head_dim ?? undefined;
  check(
    heads % keyHeads === 0,
    "config",
    () =>
      `attention: num_key_value_heads must divide num_attention_heads; came ${keyHeads} and ${heads}; check config.json`,
  );
  check(
    explicit !== undefined || hiddenSize % heads === 0,
    "config",
    () =>
      `attention: head size must divide hidden size; hidden_size ${hiddenSize}, num_attention_heads ${heads}; check config.json`,
  );
  const headSize = read.size("head_dim", hiddenSize / heads);
  const maxPositionEmbeddings = read.size("max_position_embeddings", 2048);
  return {
    vocabSize: read.size("vocab_size"),
    hiddenSize,
    numHiddenLayers: read.size("num_hidden_layers"),
    numAttentionHeads: heads,
    numKeyValueHeads: keyHeads,
    headSize,
    maxPositionEmbeddings,
    tieWordEmbeddings: read.boolean("tie_word_embeddings", false),
    intermediateSize: read.size("intermediate_size"),
    rmsNormEps: read.number("rms_norm_eps", 1e-6),
    hiddenAct: read.string("hidden_act", "silu"),
    attentionBias: read.boolean("attention_bias", false),
    mlpBias: read.boolean("mlp_bias", false),
    rotary: parseRotary(read.json as Record<string, unknown>, headSize, maxPositionEmbeddings),
    slidingWindow: undefined,
  };
}

/** Mistral is LLaMA with a window (Jiang et al., 2023); `sliding_window: null` switches it off. */
export function parseMistralConfig(read: ConfigReader): LlamaConfig {
  const window = read.json.sliding_window;
  return { ...parseLlamaConfig(read), slidingWindow: window === null ? undefined : read.size("sliding_window", 4096) };
}
