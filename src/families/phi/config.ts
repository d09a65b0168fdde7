import { parseRotary } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { type LlamaConfig, parseRelative } from "../llama/config.ts";

/** Phi-1 and Phi-2 are LLaMA with layer norms, biases, parallel sublayers and a feed-forward without gate (Li et al., 2023). */
export function parsePhiConfig(file: ConfigReader): LlamaConfig {
  const read = file.withDefaults({
    vocab_size: 51200,
    hidden_size: 2048,
    intermediate_size: 8192,
    num_hidden_layers: 24,
    num_attention_heads: 32,
    hidden_act: "gelu_new",
    max_position_embeddings: 2048,
    partial_rotary_factor: 0.5,
  });
  const rotary = (headSize: number, maxPositions: number) =>
    parseRotary(read.json, { headSize, maxPositions, theta: 10000, isPartial: true });
  return {
    ...parseRelative(read, { defaults: {}, biases: "none", rotary }),
    norm: "layer",
    rmsNormEps: read.number("layer_norm_eps", 1e-5),
    qkvBias: true,
    outBias: true,
    mlpBias: true,
    headBias: true,
    isParallel: true,
    feedForward: { kind: "plain", wide: "fc1", narrow: "fc2" },
    queryKeyNorm: read.boolean("qk_layernorm", false) ? "head" : "none",
    names: { q: "q_layernorm", k: "k_layernorm", out: "dense", finalNorm: "final_layernorm" },
    residualDropout: read.number("resid_pdrop", 0),
    embeddingDropout: read.number("embd_pdrop", 0),
  };
}
