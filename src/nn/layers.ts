import {
  add,
  concat,
  constant,
  type Dimension,
  expand,
  gather,
  layerNorm as layerNormOp,
  linear as linearOp,
  reshape,
  rmsNorm as rmsNormOp,
  scalar,
  split,
  transpose,
  type Value,
  type WeightLayout,
} from "../graph/index.ts";
import { adaptedLinear } from "./adapter.ts";
import type { Scope } from "./scope.ts";

/** A linear layer of `weight` and, where `bias` says so, `bias`: `[…, I]` → `[…, O]`. */
export function linear(
  at: Scope,
  x: Value,
  outSize: number,
  { bias = true, layout = "out-in" }: { bias?: boolean; layout?: WeightLayout } = {},
): Value {
  const inSize = x.shape.at(-1) as number;
  const weight = at.parameter("weight", layout === "out-in" ? [outSize, inSize] : [inSize, outSize]);
  const shift = bias ? at.parameter("bias", [outSize]) : undefined;
  const { adapter } = at;
  return adapter ? adaptedLinear(at, x, weight, shift, layout, adapter) : linearOp(x, weight, shift, layout);
}

/** The rows of a table `[N, E]` that ids `[B, T]` name: `[B, T, E]`. The row of the padding token is not trained. */
export function embedding(at: Scope, ids: Value, count: number, size: number, padTokenId?: number): Value {
  const frozenRow = padTokenId !== undefined && padTokenId < 0 ? count + padTokenId : padTokenId;
  return gather(at.parameter("weight", [count, size]), ids, frozenRow);
}

/** Normalisation to mean 0 and variance 1 over the last axis (Ba et al., 2016). */
export function layerNorm(at: Scope, x: Value, epsilon: number, { bias = true }: { bias?: boolean } = {}): Value {
  const size = x.shape.at(-1) as number;
  const shift = bias
    ? at.parameter("bias", [size])
    : constant({ dtype: "float32", shape: [size], data: new Float32Array(size) });
  return layerNormOp(x, at.parameter("weight", [size]), shift, epsilon);
}

/** Normalisation to mean 0 and variance 1 over the last axis, without weights. */
export function normalized(x: Value, epsilon: number): Value {
  const size = x.shape.at(-1) as number;
  const filled = (value: number): Value =>
    constant({ dtype: "float32", shape: [size], data: new Float32Array(size).fill(value) });
  return layerNormOp(x, filled(1), filled(0), epsilon);
}

/** Normalisation by the root mean square over the last axis (Zhang and Sennrich, 2019). `offset` is added to the weight. */
export function rmsNorm(at: Scope, x: Value, epsilon: number, offset = 0): Value {
  const weight = at.parameter("weight", [x.shape.at(-1) as number]);
  return rmsNormOp(x, offset === 0 ? weight : add(weight, scalar(offset)), epsilon);
}

/** Division by the root mean square over the last axis, without weights. */
export function rmsNormalized(x: Value, epsilon: number): Value {
  const size = x.shape.at(-1) as number;
  const ones = constant({ dtype: "float32", shape: [size], data: new Float32Array(size).fill(1) });
  return rmsNormOp(x, ones, epsilon);
}

/** The values that heads were split from: joining them again is that value. */
const unsplit = new WeakMap<Value, Value>();

/** `[B, T, H·D]` → `[B, H, T, D]` */
export function splitHeads(x: Value, heads: number): Value {
  const [batch, queries, size] = x.shape as [Dimension, Dimension, number];
  const split = transpose(reshape(x, [batch, queries, heads, size / heads]), [0, 2, 1, 3]);
  unsplit.set(split, x);
  return split;
}

/** `[B, H, T, D]` → `[B, T, H·D]` */
export function joinHeads(x: Value): Value {
  const known = unsplit.get(x);
  if (known) return known;
  const [batch, heads, queries, size] = x.shape as [Dimension, number, Dimension, number];
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, queries, heads * size]);
}

/** Heads `[B, K, T, D]`, each as often as it takes to have so many; the same ones follow one another: `[B, H, T, D]`. */
export function repeatHeads(x: Value, heads: number): Value {
  const [batch, groups, length, size] = x.shape as [Dimension, number, Dimension, number];
  if (groups === heads) return x;
  const each = expand(reshape(x, [batch, groups, 1, length, size]), [batch, groups, heads / groups, length, size]);
  return reshape(each, [batch, heads, length, size]);
}

/** Heads `[B, H, T, D]` whose first dimensions lie in pairs, with the first of all pairs before the second of all. */
export function pairsApart(x: Value, size: number): Value {
  const [batch, heads, queries, width] = x.shape as [Dimension, number, Dimension, number];
  const [pairs, rest] = size === width ? [x] : split(x, [size, width - size], -1);
  const apart = transpose(reshape(pairs as Value, [batch, heads, queries, size / 2, 2]), [0, 1, 2, 4, 3]);
  const halves = reshape(apart, [batch, heads, queries, size]);
  return rest ? concat([halves, rest], -1) : halves;
}
