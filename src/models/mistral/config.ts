import type { ConfigReader } from "../config-reader.ts";
import { balanceOf, type LlamaConfig, parseLlamaConfig, withLayers } from "../llama/config.ts";

function withWindow(read: ConfigReader, config: LlamaConfig, fallback?: number): LlamaConfig {
  const { sliding_window: given } = read.json;
  const window =
    given === null || (given === undefined && fallback === undefined)
      ? undefined
      : read.size("sliding_window", fallback);
  return withLayers(config, () => ({ window }));
}

/** Mistral is LLaMA with a window (Jiang et al., 2023); `sliding_window: null` switches it off. */
export function parseMistralConfig(read: ConfigReader): LlamaConfig {
  return withWindow(read, parseLlamaConfig(read, { numKeyValueHeads: 8 }), 4096);
}

/** Mixtral is Mistral with a mixture of experts in every layer (Jiang et al., 2024). */
export function parseMixtralConfig(read: ConfigReader): LlamaConfig {
  const base = withWindow(read, parseLlamaConfig(read, { ropeTheta: 1e6, rmsNormEps: 1e-5, numKeyValueHeads: 8 }));
  return {
    ...withLayers(base, () => ({ sparse: true })),
    experts: {
      count: read.size("num_local_experts", read.size("num_experts", 8)),
      perToken: read.size("num_experts_per_tok", 2),
      intermediateSize: base.intermediateSize,
      normalized: true,
      balance: balanceOf(read),
      names: { block: "block_sparse_moe", gate: "w1", up: "w3", down: "w2" },
    },
  };
}
