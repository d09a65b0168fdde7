import { LOWEST_FLOAT32 } from "../../tensor/index.ts";
import { defineComposite } from "../op.ts";
import { apply, type Dimension, scalar, shapeError, type TensorType, type Value } from "../value.ts";
import { attend } from "./attention.ts";
import { cast } from "./cast.ts";
import { greaterOrEqual, less, where } from "./comparison.ts";
import { add, max, min, sub } from "./elementwise.ts";
import { iota, takeAlong } from "./gather.ts";
import { expand, reshape, transpose } from "./layout.ts";
import { reduceMax } from "./reduction.ts";
import { rotaryAt } from "./rotary.ts";
import { slice } from "./slicing.ts";

/** The attributes of attention over a cache. */
export interface CachedAttentionAttributes {
  /** The number of query heads. */
  readonly heads: number;
  /** The number of key heads. */
  readonly keyHeads: number;
  /** The factor of the scores. */
  readonly scale: number;
  /** Keeps scores within ± this. */
  readonly softcap?: number | undefined;
  /** The number of tokens that a query sees, itself among them; default all. */
  readonly window?: number | undefined;
  /** True if the last operand, but for sinks, is a bias of the scores. */
  readonly isBiased?: boolean | undefined;
  /** True if the last operand says what each head gives to no key at all. */
  readonly hasSinks?: boolean | undefined;
}

/** The operands behind the counts of tokens: tables of rotary positions, a bias, sinks. */
export function besidesOf<T>(
  operands: readonly T[],
  { isBiased, hasSinks }: Pick<CachedAttentionAttributes, "isBiased" | "hasSinks">,
): { readonly tables: readonly T[]; readonly bias: T | undefined; readonly sinks: T | undefined } {
  const tables = operands.slice(7);
  const sinks = hasSinks ? tables.pop() : undefined;
  const bias = isBiased ? tables.pop() : undefined;
  return { tables, bias, sinks };
}

function infer(
  operands: readonly TensorType[],
  { heads, keyHeads, isBiased, hasSinks }: CachedAttentionAttributes,
): TensorType[] {
  const [q, k, v, key, value, last, longest] = operands;
  if (!q || !k || !v || !key || !value || !last || !longest)
    throw new TypeError("cachedAttention: takes q, k, v, the cache's keys and values, and two counts");
  const [batch, cacheHeads, capacity, size] = key.shape as [Dimension, number, Dimension, number];
  const fits =
    q.shape[2] === heads * size &&
    k.shape[2] === keyHeads * size &&
    k.shape.join() === v.shape.join() &&
    key.shape.join() === value.shape.join() &&
    cacheHeads === keyHeads &&
    last.dtype === "int32" &&
    longest.dtype === "int32";
  if (!fits) throw shapeError("cachedAttention", "q [B, T, H·D], k and v [B, T, K·D], a cache [B, K, C, D]", q, k, key);
  const { bias, sinks } = besidesOf(operands, { isBiased, hasSinks });
  if (sinks && sinks.shape.join() !== String(heads))
    throw shapeError("cachedAttention", "a sink for each head, [H]", q, sinks);
  const [rows, perHead, queries] = bias?.shape ?? [1, 1, q.shape[1]];
  const isBroadcast = (rows === 1 || rows === batch) && (perHead === 1 || perHead === heads);
  if (bias && !(isBroadcast && queries === q.shape[1]))
    throw shapeError("cachedAttention", "a bias [B, H, T, L] for q [B, T, H·D]", q, bias);
  const cache = { dtype: key.dtype, shape: [batch, keyHeads, capacity, size] };
  return [{ dtype: q.dtype, shape: q.shape }, cache, cache];
}

/** `[B, T, H·D]` → `[B, H, T, D]` */
function separate(x: Value, heads: number): Value {
  const [batch, length, size] = x.shape as [Dimension, Dimension, number];
  return transpose(reshape(x, [batch, length, heads, size / heads]), [0, 2, 1, 3]);
}

/** The position of each new token, float32 `[B, T]`: the last has that of the row's last key. */
export function cachePositions(last: Value, length: Dimension): Value {
  const batch = last.shape[0] as Dimension;
  const steps = cast(iota(length), "float32");
  return add(reshape(cast(last, "float32"), [batch, 1]), sub(steps, reduceMax(steps, [0], true)));
}

/** A cache `[B, K, C, D]` with new rows `[B, K, T, D]` at their positions `[B, T]`. */
function written(cache: Value, rows: Value, positions: Value): Value {
  const [batch, heads, capacity, size] = cache.shape as [Dimension, number, Dimension, number];
  const length = rows.shape[2] as Dimension;
  const first = slice(positions, 1, 0, 1); // [B, 1]
  const count = add(reduceMax(cast(iota(length), "float32"), [0], true), scalar(1));
  const offset = sub(cast(iota(capacity), "float32"), first); // [B, C]: the place among the new rows
  const isBefore = less(offset, scalar(0));
  const isBehind = greaterOrEqual(offset, count);
  const place = cast(max(min(offset, sub(count, scalar(1))), scalar(0)), "int64");
  const places = expand(reshape(place, [batch, 1, 1, capacity]), [batch, heads, size, capacity]);
  const taken = transpose(takeAlong(transpose(rows, [0, 1, 3, 2]), places), [0, 1, 3, 2]);
  const column = (condition: Value): Value => reshape(condition, [batch, 1, capacity, 1]);
  return where(column(isBefore), cache, where(column(isBehind), cache, taken));
}

/** 0 where a token `[B, T]` sees a slot, the smallest float32 elsewhere: `[B, 1, T, C]`. */
function biasOf(positions: Value, capacity: Dimension, window: number | undefined): Value {
  const [batch, length] = positions.shape as [Dimension, Dimension];
  const age = sub(reshape(positions, [batch, 1, length, 1]), cast(iota(capacity), "float32"));
  const past = where(less(age, scalar(0)), scalar(LOWEST_FLOAT32), scalar(0));
  return window === undefined ? past : where(less(age, scalar(window)), past, scalar(LOWEST_FLOAT32));
}

/** A bias `[B, H, T, L]` of the first L slots, over all of them: what lies behind is never read. */
function widened(bias: Value, capacity: Dimension): Value {
  const last = reduceMax(cast(iota(bias.shape[3] as Dimension), "float32"), [0], true);
  const places = cast(min(cast(iota(capacity), "float32"), last), "int64");
  return takeAlong(bias, expand(reshape(places, [1, 1, 1, capacity]), [...bias.shape.slice(0, 3), capacity]));
}

const cachedAttentionOp = defineComposite<CachedAttentionAttributes>({
  name: "cachedAttention",
  infer,
  decomposition(inputs, { heads, keyHeads, scale, softcap, window, isBiased, hasSinks }) {
    const [q, k, v, key, value, last] = inputs as [Value, Value, Value, Value, Value, Value];
    const { tables, bias: given, sinks } = besidesOf(inputs, { isBiased, hasSinks });
    const [batch, length] = q.shape as [Dimension, Dimension];
    const positions = cachePositions(last, length);
    const turned = (x: Value, count: number): Value => {
      const [cos, sin] = tables;
      return cos && sin ? rotaryAt(x, cast(positions, "int64"), cos, sin, count) : x;
    };
    const keys = written(key, separate(turned(k, keyHeads), keyHeads), positions);
    const values = written(value, separate(v, keyHeads), positions);
    const seen = biasOf(positions, key.shape[2] as Dimension, window);
    const bias = given ? add(seen, widened(given, key.shape[2] as Dimension)) : seen;
    const { mixed } = attend(separate(turned(q, heads), heads), keys, values, bias, { scale, softcap, sinks });
    return [reshape(transpose(mixed, [0, 2, 1, 3]), [batch, length, q.shape[2] as number]), keys, values];
  },
  gradient: "through decomposition",
});

/** The keys and values of a cache, `[B, K, C, D]` each. */
export interface KeysAndValues {
  /** The keys. */
  readonly key: Value;
  /** The values. */
  readonly value: Value;
}

/**
 * Causal attention of new tokens over a cache into which their keys and values are written first. Each row begins at
 * slot 0 and is as long as its last key says; what lies behind is never read.
 * @param projections `q` `[B, T, H·D]`; `k` and `v` `[B, T, K·D]`
 * @param cache keys and values `[B, K, C, D]`, C at least the longest row with its new tokens
 * @param counts `last`, int32 `[B]`: the slot of each row's last new token; `longest`, an int32 scalar: the length of the
 *   longest row with its new tokens
 * @param options.rotary tables `[N, R / 2]` of cosines and sines by which queries and keys are turned before
 * @param options.bias added to the scores of the first L slots, L the length of the longest row: `[B, H, T, L]`, B and H
 *   perhaps 1
 * @param options.sinks `[H]`, a score beside those of the keys whose share goes to no key
 * @returns mixed values `[B, T, H·D]` and the cache as it is then
 */
export function cachedAttention(
  [q, k, v]: readonly [q: Value, k: Value, v: Value],
  cache: KeysAndValues,
  { last, longest }: { readonly last: Value; readonly longest: Value },
  options: Omit<CachedAttentionAttributes, "isBiased" | "hasSinks"> & {
    readonly rotary?: { readonly cos: Value; readonly sin: Value } | undefined;
    readonly bias?: Value | undefined;
    readonly sinks?: Value | undefined;
  },
): { mixed: Value; cache: KeysAndValues } {
  const { rotary, bias, sinks, ...rest } = options;
  const attributes = { ...rest, isBiased: bias !== undefined, hasSinks: sinks !== undefined };
  const operands = [q, k, v, cache.key, cache.value, last, longest];
  if (rotary) operands.push(rotary.cos, rotary.sin);
  if (bias) operands.push(bias);
  if (sinks) operands.push(sinks);
  const [mixed, key, value] = apply(cachedAttentionOp, operands, attributes) as [Value, Value, Value];
  return { mixed, cache: { key, value } };
}

export const cachedAttentionOps = { cachedAttention: cachedAttentionOp };
