import { defineComposite } from "../op.ts";
import { apply, type Dimension, shapeError, type Value } from "../value.ts";
import { softcap } from "./activation.ts";
import { add, mul } from "./elementwise.ts";
import { reshape } from "./layout.ts";
import { matmul } from "./matmul.ts";
import { concat, split } from "./slicing.ts";
import { softmax } from "./softmax.ts";

/** `[B, H, T, D]` queries as `[B, K, G·T, D]`: the G = H / K query heads that share a key head, side by side. */
function groupQueries(q: Value, keyHeads: number): Value {
  const [batch, heads, queries, size] = q.shape as [Dimension, number, Dimension, number];
  if (heads === keyHeads) return q;
  return reshape(q, [batch, keyHeads, times(heads / keyHeads, queries), size]);
}

function times(count: number, size: Dimension): Dimension {
  return typeof size === "number" ? count * size : `${count}*${size}`;
}

function plus(a: Dimension, b: Dimension): Dimension {
  return typeof a === "number" && typeof b === "number" ? a + b : `${a}+${b}`;
}

/** Keys and values, which follow each other. */
function pairs<T>(past: readonly T[]): (readonly [key: T, value: T])[] {
  return Array.from({ length: past.length / 2 }, (_, i) => [past[2 * i] as T, past[2 * i + 1] as T] as const);
}

const attentionOp = defineComposite<{ scale: number; softcap?: number | undefined; dropped?: boolean | undefined }>({
  name: "attention",
  infer(operands, { dropped }) {
    const [q, k, v, bias, ...rest] = operands;
    const past = dropped ? rest.slice(1) : rest;
    if (!q || !k || !v || !bias) throw new TypeError("attention: takes q, k, v, bias and perhaps the past");
    const [batch, heads, queries, size] = q.shape;
    const [, keyHeads, keys] = k.shape;
    const fits = size === k.shape[3] && k.shape[2] === v.shape[2] && keyHeads === v.shape[1] && batch === k.shape[0];
    if (!fits) throw shapeError("attention", "q [B, H, T, D], k and v [B, K, S, D]", q, k, v);
    if (Number(heads) % Number(keyHeads) !== 0) throw shapeError("attention", "H a multiple of K", q, k);
    for (const [key, value] of pairs(past))
      if (key.shape[2] !== value.shape[2])
        throw shapeError("attention", "past keys and values of one length", key, value);
    const span = [...pairs(past).map(([key]) => key.shape[2] as Dimension), keys as Dimension].reduce(plus);
    if (bias.shape.at(-1) !== span) throw shapeError("attention", `a bias over ${span} keys`, q, k, bias);
    return [
      { dtype: q.dtype, shape: [...q.shape.slice(0, 3), v.shape[3] as Dimension] },
      { dtype: q.dtype, shape: [batch as Dimension, heads as Dimension, queries as Dimension, span] },
    ];
  },
  meaning(operands, { scale, softcap: cap, dropped }) {
    const [q, k, v, bias, ...rest] = operands as [Value, Value, Value, Value, ...Value[]];
    const past = dropped ? rest.slice(1) : rest;
    const segments = [...pairs(past), [k, v] as const];
    const [batch, heads, queries] = q.shape as [Dimension, number, Dimension];
    const grouped = groupQueries(q, k.shape[1] as number);
    const parts = segments.map(([key]) => matmul(grouped, key, { transposeB: true, alpha: scale }));
    const joined = parts.length > 1 ? concat(parts, -1) : (parts[0] as Value); // [B, K, G·T, S]
    const scores = cap === undefined ? joined : softcap(joined, cap);
    const span = scores.shape.at(-1) as Dimension;
    const weights = softmax(add(reshape(scores, [batch, heads, queries, span]), bias), -1); // [B, H, T, S]
    const used = dropped ? mul(weights, rest[0] as Value) : weights;
    const groupedWeights = reshape(used, scores.shape);
    const sizes = segments.map(([key]) => key.shape[2] as Dimension);
    const shares = segments.length > 1 ? split(groupedWeights, sizes, -1) : [groupedWeights];
    const mixed = segments
      .map(([, value], i) => matmul(shares[i] as Value, value))
      .reduce((sum, part) => add(sum, part));
    return [reshape(mixed, [batch, heads, queries, v.shape[3] as Dimension]), weights];
  },
  gradient: "through meaning",
});

/**
 * Scaled dot-product attention, softmax(q kᵀ · scale + bias) v, over new keys and, where given, earlier ones.
 * Query heads share key heads in groups of H / K (Ainslie et al., 2023). Scores against each part of the past and
 * against the new keys meet in one softmax, so the past is read where it lies and never copied.
 * @param q `[B, H, T, D]`
 * @param k `[B, K, T, D]`; `v` likewise
 * @param bias `[B, 1, T, S]`, additive; S counts the past, then the new keys
 * @param options.softcap keeps scores within ± this before the bias is added
 * @param options.keep `[B, H, T, S]`, what weights are multiplied by before values are mixed: dropout
 * @param past keys and values `[B, K, P, D]` of earlier tokens, the first first; `[1, K, P, D]` where all rows share them
 * @returns mixed values `[B, H, T, D]` and the weights `[B, H, T, S]`
 * @see Vaswani et al., "Attention is all you need" (2017)
 */
export function attend(
  q: Value,
  k: Value,
  v: Value,
  bias: Value,
  options: {
    scale: number;
    softcap?: number | undefined;
    past?: readonly { key: Value; value: Value }[] | undefined;
    keep?: Value | undefined;
  },
): { mixed: Value; weights: Value } {
  const past = (options.past ?? []).flatMap(({ key, value }) => [key, value]);
  const [mixed, weights] = apply(attentionOp, [q, k, v, bias, ...(options.keep ? [options.keep] : []), ...past], {
    dropped: options.keep !== undefined,
    scale: options.scale,
    softcap: options.softcap,
  });
  return { mixed: mixed as Value, weights: weights as Value };
}

export const attentionOps = { attention: attentionOp };
