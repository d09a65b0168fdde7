import {
  concat,
  type Dimension,
  max,
  min,
  mul,
  reshape,
  scalar,
  sigmoid,
  split,
  type Value,
} from "../../graph/index.ts";
import {
  joinHeads,
  layerNorm,
  linear,
  type ModelContext,
  normalized,
  rmsNorm,
  type Scope,
  splitHeads,
} from "../../nn/index.ts";
import type { LlamaConfig, LlamaLayer } from "./config.ts";

/** The family's norm over the last axis. */
export function norm(at: Scope, x: Value, c: LlamaConfig): Value {
  if (c.norm === "rms") return rmsNorm(at, x, c.rmsNormEps, c.normOffset);
  if (c.norm === "layer-without-weights") return normalized(x, c.rmsNormEps);
  return layerNorm(at, x, c.rmsNormEps, { bias: c.norm === "layer" });
}

/** Queries `[B, T, H·D]`, with a gate behind each head's where there are gates; keys and values `[B, T, K·D]`. */
function project(at: Scope, x: Value, c: LlamaConfig): [q: Value, k: Value, v: Value] {
  const [querySize, keySize] = [c.numAttentionHeads * c.headSize, c.numKeyValueHeads * c.headSize];
  const bias = c.qkvBias;
  if (c.fusedProjections) {
    const fused = linear(at.in("qkv_proj"), x, querySize + 2 * keySize, { bias });
    return split(fused, [querySize, keySize, keySize], -1) as [Value, Value, Value];
  }
  const wide = c.outputGate ? 2 * querySize : querySize;
  const [q, k] = [linear(at.in("q_proj"), x, wide, { bias }), linear(at.in("k_proj"), x, keySize, { bias })];
  return [q, k, linear(at.in("v_proj"), x, keySize, { bias })];
}

/** Queries, and what opens and closes the gates, both `[B, T, H·D]`. */
function apart(x: Value, c: LlamaConfig): [queries: Value, gate: Value] {
  const [batch, length] = x.shape as [Dimension, Dimension, number];
  const [heads, size] = [c.numAttentionHeads, c.headSize];
  const parts = split(reshape(x, [batch, length, heads, 2 * size]), [size, size], -1);
  return parts.map((part) => reshape(part, [batch, length, heads * size])) as [Value, Value];
}

const clipped = (x: Value, most: number): Value => max(min(x, scalar(most)), scalar(-most));

/** The layer norm of each head `[B, H, T, D]`, with weights of its own: one tensor `[H, D]`, or one for each head. */
function normOfEachHead(at: Scope, x: Value, c: LlamaConfig): Value {
  const [, heads, , size] = x.shape as [unknown, number, unknown, number];
  const row = (i: number): Value => reshape(at.in(`norms.${i}`).parameter("weight", [size]), [1, 1, size]);
  const weight =
    c.queryKeyNorm === "each-head"
      ? reshape(at.parameter("weight", [heads, size]), [heads, 1, size])
      : concat(
          Array.from({ length: heads }, (_, i) => row(i)),
          0,
        );
  return mul(normalized(x, c.rmsNormEps), weight);
}

/** Self-attention with rotary positions; several query heads may weight a key-value head. */
export function selfAttention(at: Scope, x: Value, c: LlamaConfig, context: ModelContext, layer: LlamaLayer): Value {
  const { projectionClip } = c;
  const projected = project(at, x, c);
  const [first, keys, values] = (
    projectionClip === undefined ? projected : projected.map((part) => clipped(part, projectionClip))
  ) as [Value, Value, Value];
  const [queries, gate] = c.outputGate ? apart(first, c) : [first, undefined];
  const place = (x: Value, heads: number, name: string): Value => {
    if (c.queryKeyNorm === "all") x = norm(at.in(name), x, c);
    x = splitHeads(x, heads);
    if (c.queryKeyNorm === "head") x = norm(at.in(name), x, c);
    else if (c.queryKeyNorm.startsWith("each")) x = normOfEachHead(at.in(name), x, c);
    return layer.rotary ? context.rotate(x, layer.rotary) : x;
  };
  const q = place(queries, c.numAttentionHeads, c.names.q); // [B, H, T, D]
  const k = place(keys, c.numKeyValueHeads, c.names.k); // [B, K, T, D]
  const v = splitHeads(values, c.numKeyValueHeads); // [B, K, T, D]
  const options = {
    scale: c.attentionScale,
    window: layer.window,
    softcap: c.attentionSoftcap,
    dropout: c.attentionDropout,
    sinks: c.hasSinks ? at.parameter("sinks", [c.numAttentionHeads]) : undefined,
  };
  const mixed = context.attend(q, k, v, options); // [B, H, T, D]
  const joined = joinHeads(mixed); // [B, T, H·D]
  const passed = gate ? mul(joined, sigmoid(gate)) : joined;
  return linear(at.in(c.names.out), passed, c.hiddenSize, { bias: c.outBias }); // [B, T, E]
}
