import { parseRotary } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { balancedRouting, withExperts } from "../deepseek/config.ts";
import { type LlamaConfig, parseRelative } from "../llama/config.ts";

/** GLM-4.5 and its like are LLaMA with half of each head turned, and DeepSeek-V3's mixture of experts (GLM team, 2025). */
export function parseGlm4MoeConfig(file: ConfigReader): LlamaConfig {
  const read = file.withCommonNames({ n_routed_experts: "num_local_experts" }).withDefaults({
    vocab_size: 151552,
    hidden_size: 4096,
    intermediate_size: 10944,
    num_hidden_layers: 46,
    num_attention_heads: 96,
    num_key_value_heads: 8,
    max_position_embeddings: 131072,
    rms_norm_eps: 1e-5,
    partial_rotary_factor: 0.5,
    moe_intermediate_size: 1408,
    num_experts_per_tok: 8,
    n_shared_experts: 1,
    n_group: 1,
    topk_group: 1,
    routed_scaling_factor: 1,
  });
  const rotary = (headSize: number, maxPositions: number) =>
    parseRotary(read.json, { headSize, maxPositions, theta: 10000, isPartial: true });
  const base = { ...parseRelative(read, { defaults: {}, rotary }), outBias: false };
  const config: LlamaConfig = read.boolean("use_qk_norm", false) ? { ...base, queryKeyNorm: "head" } : base;
  const normalized = read.boolean("norm_topk_prob", true);
  const count = read.size("n_routed_experts", 128);
  return withExperts(read, config, { count, normalized, routing: balancedRouting(read), first: 1 });
}
