import { parseRotary } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { type LlamaConfig, parseRelative } from "../llama/config.ts";

/** GLM is LLaMA with interleaved rotary pairs in half of each head, and one tensor for gate and up (GLM team, 2024). */
export function parseGlmConfig(file: ConfigReader): LlamaConfig {
  const read = file.withDefaults({
    vocab_size: 151552,
    hidden_size: 4096,
    intermediate_size: 13696,
    num_hidden_layers: 40,
    num_attention_heads: 32,
    num_key_value_heads: 2,
    head_dim: 128,
    max_position_embeddings: 131072,
    rms_norm_eps: 1.5625e-7,
    pad_token_id: 151329,
    attention_bias: true,
    partial_rotary_factor: 0.5,
  });
  const rotary = (headSize: number, maxPositions: number) => ({
    ...parseRotary(read.json, { headSize, maxPositions, theta: 10000, isPartial: true }),
    isInterleaved: true,
  });
  return { ...parseRelative(read, { defaults: {}, rotary }), outBias: false, feedForward: { kind: "fused" } };
}

/** GLM-4 is GLM with norms behind each sublayer, too (GLM team, 2025). */
export function parseGlm4Config(file: ConfigReader): LlamaConfig {
  return {
    ...parseGlmConfig(file),
    norms: {
      attention: { preNorm: "input_layernorm", postNorm: "post_self_attn_layernorm" },
      feedForward: { preNorm: "post_attention_layernorm", postNorm: "post_mlp_layernorm" },
    },
  };
}
