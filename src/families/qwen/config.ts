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
  vocab_size: 151936,
  hidden_size: 4096,
  intermediate_size: 22016,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 32,
  max_position_embeddings: 32768,
  sliding_window: 4096,
};

/** From layer `max_window_layers` on a window, where `use_sliding_window` says so. */
function withQwenWindow(read: ConfigReader, config: LlamaConfig): LlamaConfig {
  const window = read.boolean("use_sliding_window", false) ? windowOf(read.withDefaults(defaults)) : undefined;
  const first = read.number("max_window_layers", 28);
  const sliding = slidingLayers(read, config.numHiddenLayers, (i) => window !== undefined && i >= first);
  return withWindow(config, sliding, window);
}

/** Qwen2 is LLaMA with biases on queries, keys and values (Yang et al., 2024). */
export function parseQwen2Config(read: ConfigReader): LlamaConfig {
  return { ...withQwenWindow(read, parseRelative(read, { defaults, biases: "none" })), qkvBias: true };
}

/** Qwen2-MoE is Qwen2 with a mixture of experts and an expert that all tokens share, weighed by a gate (Qwen team, 2024). */
export function parseQwen2MoeConfig(file: ConfigReader): LlamaConfig {
  const read = file.withDefaults({
    ...defaults,
    hidden_size: 2048,
    intermediate_size: 5632,
    num_hidden_layers: 24,
    num_attention_heads: 16,
    num_key_value_heads: 16,
  });
  const base = parseRelative(read, { defaults: {}, biases: "none" });
  const window = read.boolean("use_sliding_window", false) ? windowOf(read) : undefined;
  const most = read.number("max_window_layers", 28);
  const sliding = slidingLayers(read, base.numHiddenLayers, (i) => window !== undefined && i < most && i % 2 === 0);
  return {
    ...withSparseLayers(read, withWindow(base, sliding, window)),
    qkvBias: read.boolean("qkv_bias", true),
    experts: {
      count: read.size("num_experts", 60),
      perToken: read.size("num_experts_per_tok", 4),
      intermediateSize: read.size("moe_intermediate_size", 1408),
      normalized: read.boolean("norm_topk_prob", false),
      routerAuxLossCoef: routerAuxLossCoefOf(read),
      names: { block: "mlp", gate: "gate_proj", up: "up_proj", down: "down_proj" },
      shared: {
        name: "shared_expert",
        intermediateSize: read.size("shared_expert_intermediate_size", 5632),
        gate: "shared_expert_gate",
      },
    },
  };
}

/** The config with a mixture in every `decoder_sparse_step`-th layer but those of `mlp_only_layers`. */
export function withSparseLayers(read: ConfigReader, config: LlamaConfig): LlamaConfig {
  const step = read.size("decoder_sparse_step", 1);
  const dense = new Set(read.numbers("mlp_only_layers"));
  return withLayers(config, (_, i) => ({ sparse: !dense.has(i) && (i + 1) % step === 0 }));
}

/** Qwen3 norms each head's queries and keys instead (Yang et al., 2025). */
export function parseQwen3Config(read: ConfigReader): LlamaConfig {
  const base = parseRelative(read, { defaults: { ...defaults, head_dim: 128 } });
  return { ...withQwenWindow(read, base), queryKeyNorm: "head" };
}

/**
 * Qwen3 with a mixture of experts in every `decoder_sparse_step`-th layer but those of `mlp_only_layers`, and with
 * `use_sliding_window` a window in every layer.
 */
export function parseQwen3MoeConfig(file: ConfigReader): LlamaConfig {
  const read = file.withDefaults({
    ...defaults,
    hidden_size: 2048,
    intermediate_size: 6144,
    num_hidden_layers: 24,
    num_key_value_heads: 4,
  });
  const base = parseRelative(read, { defaults: {} });
  const window = read.boolean("use_sliding_window", false) ? windowOf(read) : undefined;
  return {
    ...withLayers(withSparseLayers(read, base), () => ({ window })),
    queryKeyNorm: "head",
    experts: {
      count: read.size("num_local_experts", read.size("num_experts", 128)),
      perToken: read.size("num_experts_per_tok", 8),
      intermediateSize: read.size("moe_intermediate_size", 768),
      normalized: read.boolean("norm_topk_prob", false),
      routerAuxLossCoef: routerAuxLossCoefOf(read),
      names: { block: "mlp", gate: "gate_proj", up: "up_proj", down: "down_proj" },
    },
  };
}
