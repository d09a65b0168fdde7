import {
  add,
  constant,
  cumulativeSum,
  type Dimension,
  equal,
  expand,
  greaterOrEqual,
  iota,
  max,
  min,
  reshape,
  scalar,
  slice,
  split,
  sub,
  type Value,
  where,
} from "../../graph/index.ts";
import { LOWEST_FLOAT32 } from "../../tensor/index.ts";

/** What `Positions` tells, as values of a graph: an exported model computes its derived inputs from them. */
export interface PositionValues {
  /** int64 `[B, T]`: the position of each new token; of padding, −1 or any. */
  readonly queries: Value;
  /** int64 `[B, T]`: the position by which a token is embedded or turned; `queries`, or ids that are given. */
  readonly places: Value;
  /** int64 `[B, S]`: the position of each key, earlier ones first; −1 for a slot that holds nothing. */
  readonly keys: Value;
  /** int64 `[B, T]`: the new tokens. */
  readonly ids: Value;
  /** int64 `[B, T]`: the segment of each token. */
  readonly tokenTypeIds: Value;
}

/** An int64 scalar that is part of the graph. */
export function integer(value: number): Value {
  return constant({ dtype: "int64", shape: [], data: BigInt64Array.of(BigInt(value)) });
}

/** One value where all conditions hold, the other elsewhere. */
function chosen(conditions: readonly Value[], all: Value, else_: Value): Value {
  return conditions.reduceRight((value, condition) => where(condition, value, else_), all);
}

/** 0 where all conditions hold, the smallest float32 elsewhere: an attention bias. */
export function visibleWhere(...conditions: readonly Value[]): Value {
  return chosen(conditions, scalar(0), scalar(LOWEST_FLOAT32));
}

/** 1 where all conditions hold, else 0, as float32. */
export function flagsWhere(...conditions: readonly Value[]): Value {
  return chosen(conditions, scalar(1), scalar(0));
}

/** x, at least 0. */
export function atLeastZero(x: Value): Value {
  return max(x, integer(0));
}

/** x within two bounds. */
export function clamped(x: Value, low: number, high: number): Value {
  return min(max(x, integer(low)), integer(high));
}

/** `[B, T]` as a column of each query, `[B, 1, T, 1]`. */
export function asQueries(x: Value): Value {
  const [batch, length] = x.shape as [Dimension, Dimension];
  return reshape(x, [batch, 1, length, 1]);
}

/** `[B, S]` as a row of all keys, `[B, 1, 1, S]`. */
export function asKeys(x: Value): Value {
  const [batch, length] = x.shape as [Dimension, Dimension];
  return reshape(x, [batch, 1, 1, length]);
}

/** The place of each token in its row, 0 and up, of the shape of x `[B, T]`. */
export function indicesOf(x: Value): Value {
  const [, length] = x.shape as [Dimension, Dimension];
  return expand(reshape(iota(length), [1, length]), x.shape);
}

/** Positions by index under a mask (1 = token), as encoders count. */
export function indexedPositions(ids: Value, mask: Value, tokenTypeIds: Value): PositionValues {
  const queries = indicesOf(ids);
  const keys = where(greaterOrEqual(mask, integer(1)), queries, integer(-1));
  return { queries, places: queries, keys, ids, tokenTypeIds };
}

/** Positions of new tokens behind earlier ones, all of them tokens; P is the length of the past, if there is one. */
export function unmaskedPositions(ids: Value, past: Dimension | undefined, tokenTypeIds: Value): PositionValues {
  const [batch, length] = ids.shape as [Dimension, Dimension];
  const span = past === undefined ? length : `${past}+${length}`;
  const keys = expand(reshape(iota(span), [1, span]), [batch, span]);
  const queries = past === undefined ? keys : (split(keys, [past, length], 1)[1] as Value);
  return { queries, places: queries, keys, ids, tokenTypeIds };
}

/**
 * Positions under a mask `[B, S]` (1 = token) over earlier tokens and new ones: a running count from 0, −1 where the mask
 * is 0.
 * @param given position ids `[B, T]` by which tokens are embedded or turned
 */
export function countedPositions(ids: Value, mask: Value, given: Value, tokenTypeIds: Value): PositionValues {
  const length = ids.shape[1] as Dimension;
  const span = mask.shape[1] as Dimension;
  const isToken = greaterOrEqual(mask, integer(1));
  const count = cumulativeSum(where(isToken, integer(1), integer(0)), 1);
  const keys = where(isToken, sub(count, integer(1)), integer(-1));
  const past = span === length ? undefined : String(span).replace(`+${length}`, "");
  const queries = past === undefined ? keys : (split(keys, [past, length], 1)[1] as Value);
  return { queries, places: given, keys, ids, tokenTypeIds };
}

/** Positions that count tokens other than padding from behind the padding token's id; padding stands at that id. */
export function positionsAfterPadding({ ids, queries }: PositionValues, padTokenId: number): Value {
  const pad = integer(padTokenId);
  const isPadding = equal(ids, pad);
  const count = cumulativeSum(where(isPadding, integer(0), integer(1)), 1);
  const start = add(atLeastZero(slice(queries, 1, 0, 1)), pad); // [B, 1]
  return where(isPadding, pad, add(count, start));
}
