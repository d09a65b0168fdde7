import { check } from "../../common/index.ts";
import { parseRotary, type RotaryConfig, rotarySettings } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import {
  type ExpertsConfig,
  type LatentConfig,
  type LlamaConfig,
  parseRelative,
  type RoutingConfig,
  withLayers,
} from "../llama/config.ts";

/** The parts of its latent attention: the widths in which heads are made of narrow vectors. */
function latentOf(read: ConfigReader): LatentConfig {
  const hasRank = (read.json.q_lora_rank ?? undefined) !== undefined;
  return {
    queryRank: hasRank ? read.size("q_lora_rank") : undefined,
    keyValueRank: read.size("kv_lora_rank", 512),
    turnedSize: read.size("qk_rope_head_dim", 64),
    plainSize: read.size("qk_nope_head_dim", 128),
    valueSize: read.size("v_head_dim", 128),
    bias: read.boolean("attention_bias", false),
  };
}

/** Scores are scaled up where yarn's `mscale_all_dim` says so. */
function scaleOf(read: ConfigReader, size: number): number {
  const { rope_type, type, mscale_all_dim: all, factor } = rotarySettings(read.json);
  if ((rope_type ?? type ?? "default") === "default" || typeof all !== "number" || typeof factor !== "number")
    return size ** -0.5;
  const grown = factor <= 1 || all === 0 ? 1 : 0.1 * all * Math.log(factor) + 1;
  return size ** -0.5 * grown * grown;
}

function parseAnyDeepseek(read: ConfigReader, isInterleaved: boolean): LlamaConfig {
  const latent = latentOf(read);
  const size = latent.plainSize + latent.turnedSize;
  const rotary = (_: number, maxPositions: number): RotaryConfig => ({
    ...parseRotary(read.json, { headSize: latent.turnedSize, maxPositions, theta: 10000 }),
    isInterleaved,
  });
  const base = parseRelative(read.withValues({ head_dim: size }), { defaults: {}, biases: "all", rotary });
  check(
    base.numKeyValueHeads === base.numAttentionHeads,
    "config",
    () => "config.json: num_key_value_heads must be num_attention_heads, since every head has keys of its own",
  );
  return { ...base, latent, headSize: Math.max(size, latent.valueSize), attentionScale: scaleOf(read, size) };
}

/** A mixture in every layer from `first_k_dense_replace` on. */
export function withExperts(
  read: ConfigReader,
  config: LlamaConfig,
  { first, ...experts }: Pick<ExpertsConfig, "count" | "normalized"> & { routing: RoutingConfig; first: number },
): LlamaConfig {
  const { groups } = experts.routing;
  const fits = !groups || (experts.count % groups.count === 0 && groups.chosen <= groups.count);
  check(
    fits && (groups?.by !== "two-best" || experts.count / groups.count >= 2),
    "config",
    () =>
      `config.json: n_group must divide the ${experts.count} experts, into groups of two or more; got ${groups?.count}`,
  );
  const intermediateSize = read.size("moe_intermediate_size");
  const from = read.count("first_k_dense_replace", first);
  return {
    ...withLayers(config, (_, i) => ({ sparse: i >= from })),
    experts: {
      ...experts,
      perToken: read.size("num_experts_per_tok"),
      intermediateSize,
      routerAuxLossCoef: 0,
      names: { block: "mlp", gate: "gate_proj", up: "up_proj", down: "down_proj" },
      shared: { name: "shared_experts", intermediateSize: intermediateSize * read.size("n_shared_experts") },
    },
  };
}

/** DeepSeek-V2 is LLaMA with latent attention, and shared experts beside chosen ones (DeepSeek-AI, 2024). */
export function parseDeepseekV2Config(file: ConfigReader): LlamaConfig {
  const read = file.withCommonNames({ n_routed_experts: "num_experts" }).withDefaults({
    vocab_size: 102400,
    hidden_size: 4096,
    intermediate_size: 11008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 2048,
    q_lora_rank: 1536,
    moe_intermediate_size: 1407,
    n_shared_experts: 2,
  });
  const method = read.string("topk_method", "greedy");
  if (method !== "greedy" && method !== "group_limited_greedy") read.refuse("topk_method", "greedy");
  const groups =
    method === "greedy"
      ? undefined
      : ({ count: read.size("n_group"), chosen: read.size("topk_group"), by: "best" } as const);
  const routing: RoutingConfig = { scores: "softmax", groups, scale: read.number("routed_scaling_factor", 1) };
  const count = read.size("n_routed_experts", 64);
  return withExperts(read, parseAnyDeepseek(read, true), { count, normalized: false, routing, first: 0 });
}

/** The routing of DeepSeek-V3 and GLM-4-MoE: each expert has a score by itself, and a bias balances the choice. */
export function balancedRouting(read: ConfigReader): RoutingConfig {
  const groups = { count: read.size("n_group"), chosen: read.size("topk_group"), by: "two-best" } as const;
  return { scores: "sigmoid-with-bias", groups, scale: read.number("routed_scaling_factor") };
}

/** DeepSeek-V3 is DeepSeek-V2 whose router scores each expert by itself, balanced by a bias (DeepSeek-AI, 2024). */
export function parseDeepseekV3Config(file: ConfigReader): LlamaConfig {
  const read = file.withCommonNames({ n_routed_experts: "num_local_experts" }).withDefaults({
    vocab_size: 129280,
    hidden_size: 7168,
    intermediate_size: 18432,
    moe_intermediate_size: 2048,
    num_hidden_layers: 61,
    num_attention_heads: 128,
    num_key_value_heads: file.json.num_attention_heads ?? 128,
    max_position_embeddings: 4096,
    q_lora_rank: 1536,
    n_shared_experts: 1,
    num_experts_per_tok: 8,
    n_group: 8,
    topk_group: 4,
    routed_scaling_factor: 2.5,
  });
  const base = { ...parseAnyDeepseek(read, read.boolean("rope_interleave", true)), mlpBias: false };
  const normalized = read.boolean("norm_topk_prob", true);
  const routing = balancedRouting(read);
  return withExperts(read, base, { count: read.size("n_routed_experts", 256), normalized, routing, first: 3 });
}
