import {
  add,
  cast,
  constant,
  cumulativeSum,
  type Dimension,
  exp,
  greaterOrEqual,
  iota,
  less,
  matmul,
  max,
  min,
  mul,
  neg,
  reshape,
  rmsNorm,
  scalar,
  silu,
  slice,
  softplus,
  split,
  transpose,
  type Value,
} from "../../graph/index.ts";
import { joinHeads, linear, repeatHeads, type Scope, splitHeads } from "../../nn/index.ts";
import type { DecoderModel } from "../family.ts";
import { convolved, type Mixer, stateSpaceModel } from "../mamba/model.ts";
import type { Mamba2Config } from "./config.ts";

/** The norm of each group of channels by itself, of what a gate lets through. */
function gatedNorm(at: Scope, x: Value, gate: Value, c: Mamba2Config): Value {
  const [batch, length, size] = x.shape as [Dimension, Dimension, number];
  const width = size / c.groups;
  const ones = constant({ dtype: "float32", shape: [width], data: new Float32Array(width).fill(1) });
  const grouped = reshape(mul(x, silu(gate)), [batch, length, c.groups, width]);
  const normed = reshape(rmsNorm(grouped, ones, c.normEps), [batch, length, size]);
  return mul(normed, at.parameter("weight", [size]));
}

/** The decay between each token and each earlier one, exp(Σ of the logarithms between them): `[B, H, T]` → `[B, H, T, T]`. */
function decayBetween(logDecay: Value): Value {
  const [batch, heads, length] = logDecay.shape as [Dimension, number, Dimension];
  const places = iota(length);
  const [rows, columns] = [reshape(places, [length, 1]), reshape(places, [1, length])];
  const later = cast(less(columns, rows), "float32");
  const seen = cast(greaterOrEqual(rows, columns), "float32");
  // Summed between each two tokens: a difference of sums from the beginning would lose digits.
  const sums = cumulativeSum(mul(reshape(logDecay, [batch, heads, length, 1]), later), 2);
  return mul(exp(sums), seen);
}

/** The layer's projections, parted into heads. */
interface Parts {
  /** The inputs `[B, H, T, P]`, their projection into the state `[B, G, T, N]`, and that out of it, `[B, G, T, N]`. */
  readonly values: Value;
  readonly write: Value;
  readonly read: Value;
  /** `[B, H, T]`, the logarithms of decays. */
  readonly logDecay: Value;
}

/**
 * The state space h ← a h + b xᵀ, y = cᵀ h of each head, over all tokens at once: as attention whose scores c·b decay with
 * distance, and what the state before the first token gives.
 */
function dualForm({ values, write, read, logDecay }: Parts, before: Value): readonly [Value, Value] {
  const [batch, heads, length] = logDecay.shape as [Dimension, number, Dimension];
  const [, groups] = write.shape as [Dimension, number];
  const decay = decayBetween(logDecay); // [B, H, T, T]
  const likeGroups = reshape(decay, [batch, groups, heads / groups, length, length]);
  const scores = reshape(matmul(read, write, { transposeB: true }), [batch, groups, 1, length, length]);
  const weights = reshape(mul(scores, likeGroups), [batch, heads, length, length]);
  const sums = reshape(cumulativeSum(logDecay, 2), [batch, heads, length, 1]);
  const fromBefore = mul(exp(sums), matmul(repeatHeads(read, heads), before)); // [B, H, T, P]
  const last = (x: Value): Value => slice(x, 2, -1, Number.MAX_SAFE_INTEGER);
  const writing = mul(repeatHeads(write, heads), transpose(last(decay), [0, 1, 3, 2])); // [B, H, T, N]
  const after = add(mul(exp(last(sums)), before), matmul(writing, values, { transposeA: true })); // [B, H, N, P]
  return [add(matmul(weights, values), fromBefore), after];
}

const stateSpaceDual: Mixer<Mamba2Config> = (at, x, c, context) => {
  const { innerSize: inner, stateSize, heads, headWidth, groups, bias } = c;
  const shared = groups * stateSize;
  const projected = linear(at.in("in_proj"), context.withoutPadding(x), 2 * (inner + shared) + heads, { bias });
  const [gate, entering, narrow] = split(projected, [inner, inner + 2 * shared, heads], -1) as [Value, Value, Value];
  const mixed = convolved(at, entering, c, context);
  const [u, write, read] = split(mixed, [inner, shared, shared], -1) as [Value, Value, Value];
  const [least, most] = c.stepLimit;
  const free = softplus(add(narrow, at.parameter("dt_bias", [heads])));
  const atLeast = least > 0 ? max(free, scalar(least)) : free; // softplus is above 0 itself
  const step = Number.isFinite(most) ? min(atLeast, scalar(most)) : atLeast; // [B, T, H]
  const rates = neg(exp(at.parameter("A_log", [heads])));
  const own = splitHeads(u, heads); // [B, H, T, P]
  const perHead = (x: Value): Value => transpose(x, [0, 2, 1]); // [B, H, T]
  const parts = {
    values: mul(own, reshape(perHead(step), [...own.shape.slice(0, 3), 1])),
    write: splitHeads(write, groups),
    read: splitHeads(read, groups),
    logDecay: perHead(mul(step, rates)),
  };
  const heard = context.keep([heads, stateSize, headWidth], (before) => dualForm(parts, before));
  const skipped = mul(own, reshape(at.parameter("D", [heads]), [heads, 1, 1]));
  const y = joinHeads(add(heard, skipped)); // [B, T, D]
  return linear(at.in("out_proj"), gatedNorm(at.in("norm"), y, gate, c), c.hiddenSize, { bias }); // [B, T, E]
};

/** Mamba 2 is Mamba with heads of one decay each, so that all tokens are computed as attention is (Dao and Gu, 2024). */
export const mamba2: DecoderModel<Mamba2Config> = stateSpaceModel(stateSpaceDual);
