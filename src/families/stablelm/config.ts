import { parseRotary } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { type LlamaConfig, parseRelative } from "../llama/config.ts";

/** StableLM is LLaMA with layer norms, rotary positions in a part of each head and perhaps parallel sublayers (Bellagente et al., 2024). */
export function parseStableLmConfig(file: ConfigReader): LlamaConfig {
  const read = file
    .withDefaults({
      vocab_size: 50304,
      hidden_size: 2560,
      intermediate_size: 6912,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      num_key_value_heads: 32,
      max_position_embeddings: 4096,
      partial_rotary_factor: 0.25,
    })
    .withValues({ head_dim: undefined });
  const rotary = (headSize: number, maxPositions: number) =>
    parseRotary(read.json, { headSize, maxPositions, theta: 10000, isPartial: true });
  return {
    ...parseRelative(read, { defaults: {}, biases: "none", rotary }),
    norm: "layer",
    rmsNormEps: read.number("layer_norm_eps", 1e-5),
    qkvBias: read.boolean("use_qkv_bias", false),
    queryKeyNorm: read.boolean("qk_layernorm", false) ? "each-head-apart" : "none",
    names: { q: "q_layernorm", k: "k_layernorm", out: "o_proj", finalNorm: "norm" },
    isParallel: read.boolean("use_parallel_residual", false),
    feedForwardDropout: read.number("hidden_dropout", 0),
  };
}
