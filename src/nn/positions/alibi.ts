import { cast, constant, type Dimension, expand, mul, scalar, type Value } from "../../graph/index.ts";
import { fromFloat32, type HostTensor, toFloat32 } from "../../tensor/index.ts";
import type { PositionContext } from "./derive.ts";
import { asKeys, atLeastZero, type PositionValues } from "./position-values.ts";
import type { Positions } from "./positions.ts";

/** The settings of a bias by position. */
export interface AlibiOptions {
  /** The number of heads. */
  readonly heads: number;
  /** True if slopes and their products are rounded to bfloat16, as Falcon's are. */
  readonly isRounded?: boolean;
  /** The factor of the whole bias; default 1. */
  readonly scale?: number;
}

/**
 * The bias `[B, H, T, S]` of ALiBi: each head's slope times the key's position. The distance to the query would be the
 * same up to a term that the softmax takes out (Press et al., "Train Short, Test Long", 2021).
 */
export function alibi(context: PositionContext, options: AlibiOptions): Value {
  const { batch, queries, span } = context;
  const shape: Dimension[] = [batch, options.heads, queries, span];
  return context.derive("alibi", options, {
    compute: computeAlibi,
    build: buildAlibi,
    dtype: "float32",
    shape,
  });
}

/** A power series for the largest power of two up to the number of heads, and every other one of twice as many. */
function slopesOf(heads: number): number[] {
  const count = 2 ** Math.floor(Math.log2(heads));
  const series = (count: number, step: number): number[] => {
    const base = Math.fround(2 ** -(2 ** -(Math.log2(count) - 3)));
    return Array.from({ length: count }, (_, i) => Math.fround(base ** (i * step + 1)));
  };
  return [...series(count, 1), ...series(2 * count, 2).slice(0, heads - count)];
}

function nearestBfloat16(x: number): number {
  return toFloat32("bfloat16", fromFloat32("bfloat16", Float32Array.of(x)))[0] as number;
}

function computeAlibi(
  { queries, keys }: Positions,
  { heads, isRounded = false, scale = 1 }: AlibiOptions,
): HostTensor<"float32"> {
  const [rows, length, span] = [queries.length, queries[0]?.length ?? 0, keys[0]?.length ?? 0];
  const rounded = (x: number): number => (isRounded ? nearestBfloat16(x) : x);
  const slopes = slopesOf(heads).map(rounded);
  const data = new Float32Array(rows * heads * length * span);
  let at = 0;
  for (const row of keys)
    for (const slope of slopes) {
      const start = at;
      for (const key of row) data[at++] = rounded(Math.max(0, key) * slope) * scale;
      for (let t = 1; t < length; t++, at += span) data.copyWithin(at, start, start + span);
    }
  return { dtype: "float32", shape: [rows, heads, length, span], data };
}

function buildAlibi({ queries, keys }: PositionValues, { heads, isRounded = false, scale = 1 }: AlibiOptions): Value {
  const slopes = Float32Array.from(slopesOf(heads), (slope) => (isRounded ? nearestBfloat16(slope) : slope * scale));
  const table = constant({ dtype: "float32", shape: [1, heads, 1, 1], data: slopes });
  const [batch, length] = queries.shape as [Dimension, Dimension];
  const product = mul(cast(asKeys(atLeastZero(keys)), "float32"), table); // [B, H, 1, S]
  const bias = isRounded ? mul(cast(cast(product, "bfloat16"), "float32"), scalar(scale)) : product;
  return expand(bias, [batch, heads, length, keys.shape[1] as Dimension]);
}
