import { defineComposite } from "../op.ts";
import { elementwiseAxes } from "../shape.ts";
import { apply, type Dimension, scalar, shapeError, type TensorType, type Value } from "../value.ts";
import { softcap } from "./activation.ts";
import { add, mul, sub, tanh, unbroadcast } from "./elementwise.ts";
import { expand, reshape, transpose } from "./layout.ts";
import { matmul } from "./matmul.ts";
import { reduceSum } from "./reduction.ts";
import { concat, slice, split, zerosLike } from "./slicing.ts";
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

export interface AttentionAttributes {
  readonly scale: number;
  readonly softcap?: number | undefined;
  /** True if the operand behind the bias says what weights are multiplied by. */
  readonly hasDropout?: boolean | undefined;
  /** True if the operand behind the bias says what each head gives to no key at all. */
  readonly hasSinks?: boolean | undefined;
}

interface Operands {
  readonly q: Value;
  readonly bias: Value;
  readonly sinks: Value | undefined;
  readonly dropoutMask: Value | undefined;
  /** Earlier keys and values, then the new ones. */
  readonly segments: readonly (readonly [key: Value, value: Value])[];
}

function operandsOf(operands: readonly Value[], { hasSinks, hasDropout }: AttentionAttributes): Operands {
  const [q, k, v, bias, ...past] = operands as [Value, Value, Value, Value, ...Value[]];
  const sinks = hasSinks ? past.shift() : undefined;
  const dropoutMask = hasDropout ? past.shift() : undefined;
  return { q, bias, sinks, dropoutMask, segments: [...pairs(past), [k, v]] };
}

function infer(operands: readonly TensorType[], { hasSinks, hasDropout }: AttentionAttributes): TensorType[] {
  const [q, k, v, bias, ...rest] = operands;
  const past = rest.slice(Number(hasSinks ?? false) + Number(hasDropout ?? false));
  if (!q || !k || !v || !bias) throw new TypeError("attention: takes q, k, v, bias and perhaps the past");
  const [batch, heads, queries, size] = q.shape;
  const [, keyHeads, keys] = k.shape;
  const fits = size === k.shape[3] && k.shape[2] === v.shape[2] && keyHeads === v.shape[1] && batch === k.shape[0];
  if (!fits) throw shapeError("attention", "q [B, H, T, D], k and v [B, K, S, D]", q, k, v);
  if (Number(heads) % Number(keyHeads) !== 0) throw shapeError("attention", "H a multiple of K", q, k);
  const sinks = hasSinks ? rest[0] : undefined;
  if (sinks && sinks.shape.join() !== String(heads))
    throw shapeError("attention", "a sink for each head, [H]", q, sinks);
  for (const [key, value] of pairs(past))
    if (key.shape[2] !== value.shape[2])
      throw shapeError("attention", "past keys and values of one length", key, value);
  const span = [...pairs(past).map(([key]) => key.shape[2] as Dimension), keys as Dimension].reduce(plus);
  if (bias.shape.at(-1) !== span) throw shapeError("attention", `a bias over ${span} keys`, q, k, bias);
  return [
    { dtype: q.dtype, shape: [...q.shape.slice(0, 3), v.shape[3] as Dimension] },
    { dtype: q.dtype, shape: [batch as Dimension, heads as Dimension, queries as Dimension, span] },
  ];
}

/** q kᵀ · scale against all keys: `[B, K, G·T, S]`. */
function scoresOf(grouped: Value, { segments }: Operands, scale: number): Value {
  const parts = segments.map(([key]) => matmul(grouped, key, { transposeB: true, alpha: scale }));
  return parts.length > 1 ? concat(parts, -1) : (parts[0] as Value);
}

/** The columns of `[…, S]` that belong to each segment. */
function sharesOf(x: Value, { segments }: Operands): readonly Value[] {
  if (segments.length === 1) return [x];
  return split(
    x,
    segments.map(([key]) => key.shape[2] as Dimension),
    -1,
  );
}

/** xᵀ y, written (yᵀ x)ᵀ: the narrow operand is the one that the product turns. */
function turnedProduct(x: Value, y: Value, alpha = 1): Value {
  return transpose(matmul(y, x, { transposeA: true, alpha }), [0, 1, 3, 2]);
}

/** Shares of the keys by their scores `[B, H, T, S]`; a sink takes its share of each row and gives nothing. */
function sharesByScore(scores: Value, sinks: Value | undefined): Value {
  if (!sinks) return softmax(scores, -1);
  const [batch, heads, queries, span] = scores.shape as [Dimension, number, Dimension, Dimension];
  const column = expand(reshape(sinks, [1, heads, 1, 1]), [batch, heads, queries, 1]);
  return split(softmax(concat([scores, column], -1), -1), [span, 1], -1)[0] as Value;
}

/** Attention of all queries over all keys, with a gradient that reads the weights and writes few arrays of their size. */
const attentionBlockOp = defineComposite<AttentionAttributes>({
  name: "attentionBlock",
  infer,
  decomposition(inputs, attributes) {
    const operands = operandsOf(inputs, attributes);
    const { q, bias, sinks, dropoutMask, segments } = operands;
    const [k, v] = segments.at(-1) as readonly [Value, Value];
    const [batch, heads, queries] = q.shape as [Dimension, number, Dimension];
    const joined = scoresOf(groupQueries(q, k.shape[1] as number), operands, attributes.scale);
    const scores = attributes.softcap === undefined ? joined : softcap(joined, attributes.softcap);
    const span = scores.shape.at(-1) as Dimension;
    const weights = sharesByScore(add(reshape(scores, [batch, heads, queries, span]), bias), sinks); // [B, H, T, S]
    const shares = sharesOf(reshape(dropoutMask ? mul(weights, dropoutMask) : weights, scores.shape), operands);
    const mixed = segments
      .map(([, value], i) => matmul(shares[i] as Value, value))
      .reduce((sum, part) => add(sum, part));
    return [reshape(mixed, [batch, heads, queries, v.shape[3] as Dimension]), weights];
  },
  /**
   * With P the weights, O what is mixed: dV = Pᵀ dO, dP = dO Vᵀ and dS = P (dP − r), where r, the sum of P dP over
   * the keys, is that of O dO over the head (Dao et al., "FlashAttention", 2022). A sink, whose share is 1 − Σ P, has −r of it.
   */
  gradient({ inputs, outputs, gradients, attributes }) {
    const { scale, softcap: cap } = attributes;
    const operands = operandsOf(inputs, attributes);
    const { q, bias, sinks, dropoutMask, segments } = operands;
    const [mixed, weights] = outputs as [Value, Value];
    const dMixed = gradients[0] ?? zerosLike(mixed);
    const keyHeads = segments[0]?.[0].shape[1] as number;
    const [grouped, dGrouped] = [groupQueries(q, keyHeads), groupQueries(dMixed, keyHeads)];
    const wide = [...grouped.shape.slice(0, 3), weights.shape[3] as Dimension];
    const used = sharesOf(reshape(dropoutMask ? mul(weights, dropoutMask) : weights, wide), operands);
    const dParts = segments.map(([, value]) => matmul(dGrouped, value, { transposeB: true }));
    const dUsed = reshape(dParts.length > 1 ? concat(dParts, -1) : (dParts[0] as Value), weights.shape);
    const dKept = dropoutMask ? mul(dUsed, dropoutMask) : dUsed;
    const dWeights = gradients[1] ? add(dKept, gradients[1]) : dKept;
    const sum = gradients[1]
      ? reduceSum(mul(weights, dWeights), [-1], true)
      : reduceSum(mul(dMixed, mixed), [-1], true);
    const dScores = mul(weights, sub(dWeights, sum)); // [B, H, T, S]
    const dJoined = cap === undefined ? reshape(dScores, wide) : uncapped(reshape(dScores, wide), operands, scale, cap);
    const shares = sharesOf(dJoined, operands);
    const dq = segments
      .map(([key], i) => matmul(shares[i] as Value, key, { alpha: scale }))
      .reduce((total, part) => add(total, part));
    const dSegments = segments.map(([key, value], i) => [
      unbroadcast(turnedProduct(shares[i] as Value, grouped, scale), key.shape),
      unbroadcast(turnedProduct(used[i] as Value, dGrouped), value.shape),
    ]);
    const own = dSegments.pop() as Value[];
    const dMask = dropoutMask && unbroadcast(mul(dUsed, weights), dropoutMask.shape);
    const dSinks = sinks && sinkGradient(weights, sum);
    return [
      reshape(dq, q.shape),
      ...own,
      unbroadcast(dScores, bias.shape),
      ...(dSinks ? [dSinks] : []),
      ...(dMask ? [dMask] : []),
      ...dSegments.flat(),
    ];
  },
});

/** The gradient of each head's sink `[H]`, by the weights `[B, H, T, S]` and the sums `[B, H, T, 1]` of P dP. */
function sinkGradient(weights: Value, sum: Value): Value {
  const share = sub(scalar(1), reduceSum(weights, [-1], true)); // [B, H, T, 1]
  return mul(reduceSum(mul(share, sum), [0, 2, 3]), scalar(-1));
}

/** The gradient before the cap: the slope of c · tanh(x / c) is 1 − tanh². */
function uncapped(dScores: Value, operands: Operands, scale: number, cap: number): Value {
  const keyHeads = operands.segments[0]?.[0].shape[1] as number;
  const raw = scoresOf(groupQueries(operands.q, keyHeads), operands, scale);
  const level = tanh(mul(raw, scalar(1 / cap)));
  return mul(dScores, sub(scalar(1), mul(level, level)));
}

/** Into how many blocks the queries of a causal pass are cut, and the fewest in one: later keys are never touched. */
const BLOCKS = 4;
const LEAST_QUERIES = 32;

/** True if causal attention over these queries is computed block by block. */
function blockSize({ q, segments }: Operands): number | undefined {
  const [, , queries] = q.shape;
  const keys = segments.at(-1)?.[0].shape[2];
  if (segments.length > 1 || typeof queries !== "number" || keys !== queries) return undefined;
  const size = Math.max(LEAST_QUERIES, Math.ceil(queries / BLOCKS));
  return size < queries ? size : undefined;
}

const attentionOp = defineComposite<AttentionAttributes & { readonly causal?: boolean | undefined }>({
  name: "attention",
  infer,
  /** One query sees what its place in the bias lets it see. */
  sliceRule(axis, [q, k, v, bias, ...rest], _outputs, { causal: _, ...attributes }) {
    if (axis !== 2 || !q || !k || !v || !bias) return undefined;
    const [biasAxis] = elementwiseAxes(axis, [bias], [q]).axes;
    const maskAt = attributes.hasDropout ? Number(attributes.hasSinks ?? false) : -1;
    const others = rest.map((_, i) => (i === maskAt ? axis : undefined));
    return { axes: [axis, undefined, undefined, biasAxis, ...others], attributes };
  },
  decomposition(inputs, { causal, ...attributes }) {
    const operands = operandsOf(inputs, attributes);
    const size = causal ? blockSize(operands) : undefined;
    if (size === undefined) return apply(attentionBlockOp, inputs, attributes);
    const { q, bias, sinks, dropoutMask } = operands;
    let [k, v] = operands.segments[0] as readonly [Value, Value];
    const queries = q.shape[2] as number;
    const starts = Array.from({ length: Math.ceil(queries / size) }, (_, i) => i * size);
    const sizes = starts.map((start) => Math.min(size, queries - start));
    const parts = [q, bias, ...(dropoutMask ? [dropoutMask] : [])].map((x) => split(x, sizes, 2));
    const mixed: Value[] = [];
    const weights: Value[] = [];
    for (const [i, start] of [...starts.entries()].reverse()) {
      const end = start + (sizes[i] as number);
      [k, v] = [slice(k, 2, 0, end), slice(v, 2, 0, end)];
      const [query, ...rows] = parts.map((blocks) => blocks[i] as Value) as [Value, ...Value[]];
      const [seen, ...masks] = rows.map((x) => slice(x, 3, 0, end)) as [Value, ...Value[]];
      const block = [query, k, v, seen, ...(sinks ? [sinks] : []), ...masks];
      const [own, shares] = apply(attentionBlockOp, block, attributes) as [Value, Value];
      const unseen = zerosLike({ ...shares, shape: [...shares.shape.slice(0, 3), queries - end] });
      mixed.unshift(own);
      weights.unshift(end < queries ? concat([shares, unseen], 3) : shares);
    }
    return [concat(mixed, 2), concat(weights, 2)];
  },
  gradient: "through decomposition",
});

/**
 * Scaled dot-product attention, softmax(q kᵀ · scale + bias) v, over new keys and, where given, earlier ones.
 * Query heads share key heads in groups of H / K (Ainslie et al., 2023). Scores against each part of the past and
 * against the new keys meet in one softmax, so the past is read where it lies and never copied.
 * @param q `[B, H, T, D]`
 * @param k `[B, K, T, D]`; `v` likewise
 * @param bias `[B, 1, T, S]`, additive; S counts the past, then the new keys
 * @param options.softcap keeps scores within ± this before the bias is added
 * @param options.sinks `[H]`, a score beside those of the keys whose share goes to no key (Xiao et al., 2023)
 * @param options.dropoutMask `[B, H, T, S]`, what weights are multiplied by before values are mixed: dropout
 * @param options.causal whether the bias hides all keys behind a query's own place: they are then not even computed
 * @param options.past keys and values `[B, K, P, D]` of earlier tokens, the first first; `[1, K, P, D]` where all rows share them
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
    sinks?: Value | undefined;
    dropoutMask?: Value | undefined;
    causal?: boolean | undefined;
  },
): { mixed: Value; weights: Value } {
  const past = (options.past ?? []).flatMap(({ key, value }) => [key, value]);
  const besides = [options.sinks, options.dropoutMask].filter((value) => value !== undefined);
  const [mixed, weights] = apply(attentionOp, [q, k, v, bias, ...besides, ...past], {
    hasSinks: options.sinks !== undefined,
    hasDropout: options.dropoutMask !== undefined,
    scale: options.scale,
    softcap: options.softcap,
    causal: options.causal,
  });
  return { mixed: mixed as Value, weights: weights as Value };
}

const joinedAttentionOp = defineComposite<Omit<AttentionAttributes, "hasDropout">>({
  name: "joinedAttention",
  infer([q, k, v, bias, key, value, ...sinks], attributes) {
    const operands = [q, k, v, bias, ...sinks, key, value] as TensorType[];
    const [mixed] = infer(operands, attributes) as [TensorType];
    const [past] = operands.slice(-2) as [TensorType];
    const [batch, heads, length, size] = (k as TensorType).shape as [Dimension, Dimension, Dimension, Dimension];
    const joined = { dtype: mixed.dtype, shape: [batch, heads, plus(past.shape[2] as Dimension, length), size] };
    return [mixed, joined, joined];
  },
  decomposition([q, k, v, bias, key, value, sinks], { scale, softcap }) {
    const [keys, values] = [concat([key as Value, k as Value], 2), concat([value as Value, v as Value], 2)];
    return [attend(q as Value, keys, values, bias as Value, { scale, softcap, sinks }).mixed, keys, values];
  },
  gradient: "through decomposition",
});

/**
 * The same over earlier keys and values with the new ones joined to them, which are results too: a cache that whoever
 * runs the graph passes on to its next run.
 * @param past keys and values `[B, K, P, D]` of earlier tokens
 * @returns mixed values `[B, H, T, D]`, and keys and values `[B, K, P + T, D]`
 */
export function attendJoined(
  [q, k, v, bias]: readonly [q: Value, k: Value, v: Value, bias: Value],
  past: { readonly key: Value; readonly value: Value },
  {
    sinks,
    ...options
  }: { readonly scale: number; readonly softcap?: number | undefined; readonly sinks?: Value | undefined },
): { mixed: Value; cache: { key: Value; value: Value } } {
  const operands = [q, k, v, bias, past.key, past.value, ...(sinks ? [sinks] : [])];
  const attributes = { ...options, hasSinks: sinks !== undefined };
  const [mixed, key, value] = apply(joinedAttentionOp, operands, attributes) as [Value, Value, Value];
  return { mixed, cache: { key, value } };
}

export const attentionOps = {
  attention: attentionOp,
  attentionBlock: attentionBlockOp,
  joinedAttention: joinedAttentionOp,
};
