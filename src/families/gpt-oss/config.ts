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

/** The rotary settings of a file that has none. */
const yarn = {
  rope_type: "yarn",
  factor: 32,
  beta_fast: 32,
  beta_slow: 1,
  truncate: false,
  original_max_position_embeddings: 4096,
};

/**
 * gpt-oss is LLaMA with a mixture of clamped experts in every layer, a window in every other, and a sink in each head: a
 * score whose share of attention goes to no token (OpenAI, 2025).
 */
export function parseGptOssConfig(file: ConfigReader): LlamaConfig {
  const read = file.withCommonNames({ num_local_experts: "num_experts" }).withDefaults({
    vocab_size: 201088,
    hidden_size: 2880,
    intermediate_size: 2880,
    num_hidden_layers: 36,
    head_dim: 64,
    num_attention_heads: 64,
    num_key_value_heads: 8,
    sliding_window: 128,
    max_position_embeddings: 131072,
    rms_norm_eps: 1e-5,
    attention_bias: true,
  });
  const scaled =
    (read.json.rope_parameters ?? undefined) === undefined ? read.withValues({ rope_parameters: yarn }) : read;
  const base = parseRelative(scaled, { defaults: {}, theta: 150000 });
  const sliding = slidingLayers(read, base.numHiddenLayers, (i) => i % 2 === 0);
  return {
    ...withLayers(withWindow(base, sliding, windowOf(read)), () => ({ sparse: true })),
    hasSinks: true,
    experts: {
      count: read.size("num_local_experts", 128),
      perToken: read.size("num_experts_per_tok", 4),
      intermediateSize: base.intermediateSize,
      normalized: true,
      routerAuxLossCoef: routerAuxLossCoefOf(read),
      names: { block: "mlp", router: "router", gate: "gate_proj", up: "up_proj", down: "down_proj" },
      bias: true,
      clamped: { limit: read.number("swiglu_limit", 7), alpha: read.number("swiglu_alpha", 1.702) },
    },
  };
}
