import type { ConfigReader } from "../config-reader.ts";
import {
  type LlamaConfig,
  parseRelative,
  routerAuxLossCoefOf,
  slidingLayers,
  windowOf,
  withLayers,
  withWindow,
} from "../llama/config.ts";

/** transformers' values of fields that a file leaves out. */
const defaults = {
  vocab_size: 32000,
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  max_position_embeddings: 131072,
};

/**
 * Mistral is LLaMA with a window (Jiang et al., 2023), as Ministral is, whose `layer_types` say which layers have it;
 * `sliding_window: null` switches it off.
 */
export function parseMistralConfig(read: ConfigReader): LlamaConfig {
  const window = windowOf(read.withDefaults({ sliding_window: 4096 }));
  const base = parseRelative(read, { defaults, biases: "none" });
  return withWindow(
    base,
    slidingLayers(read, base.numHiddenLayers, () => window !== undefined),
    window,
  );
}

/** Mixtral is Mistral with a mixture of experts in every layer (Jiang et al., 2024). */
export function parseMixtralConfig(file: ConfigReader): LlamaConfig {
  const read = file.withDefaults({ ...defaults, rms_norm_eps: 1e-5 });
  const base = parseRelative(read, { defaults: {}, theta: 1e6, biases: "none" });
  return {
    ...withLayers(base, () => ({ window: windowOf(read), sparse: true })),
    experts: {
      count: read.size("num_experts", read.size("num_local_experts", 8)),
      perToken: read.size("num_experts_per_tok", 2),
      intermediateSize: base.intermediateSize,
      normalized: true,
      routerAuxLossCoef: routerAuxLossCoefOf(read),
      names: { block: "block_sparse_moe", gate: "w1", up: "w3", down: "w2" },
    },
  };
}
