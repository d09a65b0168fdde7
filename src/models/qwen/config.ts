import type { ConfigReader } from "../config-reader.ts";
import {
  balanceOf,
  isSliding,
  type LlamaConfig,
  type LlamaDefaults,
  parseLlamaConfig,
  withLayers,
} from "../llama/config.ts";

/** From layer `max_window_layers` on a window, where `use_sliding_window` says so. */
function parseQwen(read: ConfigReader, defaults: LlamaDefaults = {}): LlamaConfig {
  const base = parseLlamaConfig(read, { maxPositionEmbeddings: 32768, ...defaults });
  if (!read.boolean("use_sliding_window", false)) return base;
  const first = read.number("max_window_layers", 28);
  const window = read.size("sliding_window", 4096);
  return withLayers(base, (_, i) => (isSliding(read, i, () => i >= first) ? { window } : {}));
}

/** Qwen2 is LLaMA with biases on queries, keys and values (Yang et al., 2024). */
export function parseQwen2Config(read: ConfigReader): LlamaConfig {
  return { ...parseQwen(read), qkvBias: true, outBias: false };
}

/** Qwen3 norms each head's queries and keys instead (Yang et al., 2025). */
export function parseQwen3Config(read: ConfigReader): LlamaConfig {
  return { ...parseQwen(read, { headSize: 128 }), queryKeyNorm: "head" };
}

/** Qwen3 with a mixture of experts in every `decoder_sparse_step`-th layer but those of `mlp_only_layers`. */
export function parseQwen3MoeConfig(read: ConfigReader): LlamaConfig {
  const base = { ...parseQwen(read), queryKeyNorm: "head" as const };
  const step = read.size("decoder_sparse_step", 1);
  const dense = new Set(read.numbers("mlp_only_layers"));
  return {
    ...withLayers(base, (_, i) => ({ sparse: !dense.has(i) && (i + 1) % step === 0 })),
    experts: {
      count: read.size("num_experts", read.size("num_local_experts", 128)),
      perToken: read.size("num_experts_per_tok", 8),
      intermediateSize: read.size("moe_intermediate_size", 768),
      normalized: read.boolean("norm_topk_prob", false),
      balance: balanceOf(read),
      names: { block: "mlp", gate: "gate_proj", up: "up_proj", down: "down_proj" },
    },
  };
}
