import { check } from "../../common/index.ts";
import { parseRotary } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import {
  type LlamaConfig,
  layerTypesOf,
  parseRelative,
  routerAuxLossCoefOf,
  withLayers,
  withMixers,
} from "../llama/config.ts";
import { withSparseLayers } from "../qwen/config.ts";
import type { DeltaNetConfig } from "./delta-net.ts";

/** transformers' values of fields that a file leaves out. */
const common = {
  num_attention_heads: 16,
  head_dim: 256,
  max_position_embeddings: 32768,
  partial_rotary_factor: 0.25,
  shared_expert_intermediate_size: 512,
  moe_intermediate_size: 512,
};

/**
 * Qwen3 with linear attention by the gated delta rule in three of four layers, and with a gate on what the others attend
 * to, whose heads are turned in part.
 */
function parseHybrid(read: ConfigReader, projections: DeltaNetConfig["projections"]): LlamaConfig {
  const rotary = (headSize: number, maxPositions: number) =>
    parseRotary(read.json, { headSize, maxPositions, theta: 10000, isPartial: true });
  const base = parseRelative(read, { defaults: {}, rotary });
  const interval = read.size("full_attention_interval", 4);
  const types = layerTypesOf(read, base.numHiddenLayers, {
    known: ["linear_attention", "full_attention"],
    rule: (i) => ((i + 1) % interval === 0 ? "full_attention" : "linear_attention"),
  });
  const mixer = deltaNetOf(read, base, projections);
  const { keyHeads, valueHeads, keySize, valueSize, kernel } = mixer;
  const window = (kernel - 1) * (2 * keyHeads * keySize + valueHeads * valueSize);
  const stateSize = window + valueHeads * keySize * valueSize;
  return {
    ...withMixers(base, types, (type) => (type === "linear_attention" ? { mixer, stateSize } : undefined)),
    queryKeyNorm: "head",
    normOffset: 1,
    outputGate: true,
  };
}

function deltaNetOf(
  read: ConfigReader,
  { hiddenAct, rmsNormEps }: LlamaConfig,
  projections: DeltaNetConfig["projections"],
): DeltaNetConfig {
  const [keyHeads, valueHeads] = [read.size("linear_num_key_heads", 16), read.size("linear_num_value_heads", 32)];
  check(
    valueHeads % keyHeads === 0,
    "config",
    () => `config.json: linear_num_key_heads must divide linear_num_value_heads; got ${keyHeads} and ${valueHeads}`,
  );
  return {
    kind: "delta-net",
    keyHeads,
    valueHeads,
    keySize: read.size("linear_key_head_dim", 128),
    valueSize: read.size("linear_value_head_dim", 128),
    kernel: read.size("linear_conv_kernel_dim", 4),
    projections,
    hiddenAct,
    normEps: rmsNormEps,
  };
}

/** The experts of these models, one of which all tokens share. */
function expertsOf(read: ConfigReader, perToken: number, count: number) {
  return {
    count: read.size("num_experts", count),
    perToken: read.size("num_experts_per_tok", perToken),
    intermediateSize: read.size("moe_intermediate_size"),
    routerAuxLossCoef: routerAuxLossCoefOf(read),
    names: { block: "mlp", gate: "gate_proj", up: "up_proj", down: "down_proj" },
    shared: {
      name: "shared_expert",
      intermediateSize: read.size("shared_expert_intermediate_size"),
      gate: "shared_expert_gate",
    },
  };
}

/** Qwen3-Next is Qwen3-MoE with the gated delta rule in three of four layers, and gated attention (Qwen team, 2025). */
export function parseQwen3NextConfig(file: ConfigReader): LlamaConfig {
  const read = file.withDefaults({
    ...common,
    vocab_size: 151936,
    hidden_size: 2048,
    intermediate_size: 5632,
    num_hidden_layers: 48,
    num_key_value_heads: 2,
  });
  const base = parseHybrid(read, "by-head");
  if (read.json.num_experts === 0) return base;
  const experts = { ...expertsOf(read, 10, 512), normalized: read.boolean("norm_topk_prob", true) };
  return { ...withSparseLayers(read, base), experts };
}

/** Qwen3.5 is Qwen3-Next without experts, with a tensor for each projection (Qwen team, 2026). */
export function parseQwen35Config(file: ConfigReader): LlamaConfig {
  const read = file.withDefaults({
    ...common,
    vocab_size: 248320,
    hidden_size: 4096,
    intermediate_size: 12288,
    num_hidden_layers: 32,
    num_key_value_heads: 4,
  });
  return parseHybrid(read, "apart");
}

/** Qwen3.5-MoE is Qwen3.5 with a mixture in every layer, (Qwen team, 2026). */
export function parseQwen35MoeConfig(file: ConfigReader): LlamaConfig {
  const read = file.withDefaults({
    ...common,
    vocab_size: 248320,
    hidden_size: 2048,
    intermediate_size: 512, // no layer is without experts
    num_hidden_layers: 40,
    num_key_value_heads: 2,
  });
  const experts = { ...expertsOf(read, 8, 256), normalized: true };
  return { ...withLayers(parseHybrid(read, "apart"), () => ({ sparse: true })), experts };
}
