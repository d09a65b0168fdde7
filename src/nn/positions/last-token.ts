import { LecternError } from "../../common/index.ts";
import {
  type Dimension,
  equal,
  greaterOrEqual,
  mul,
  neg,
  reduceMax,
  reduceSum,
  reshape,
  type Value,
  where,
} from "../../graph/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import type { PositionContext } from "./derive.ts";
import { atLeastZero, flagsWhere, indicesOf, integer, type PositionValues } from "./position-values.ts";
import type { Positions } from "./positions.ts";

/** 1 at the last token of each row that is not the padding token, 0 elsewhere: float32 `[B, T]`. */
export function lastToken(context: PositionContext, padTokenId: number | undefined): Value {
  const { batch, queries } = context;
  const derivation = {
    compute: computeLastToken,
    build: buildLastToken,
    dtype: "float32",
    shape: [batch, queries],
  } as const;
  return context.derive("last_token", { padTokenId }, derivation);
}

/** The state `[B, E]` at the first token of each row that the mask shows. */
export function stateAtFirst(context: PositionContext, hidden: Value): Value {
  const [batch, length] = hidden.shape as [Dimension, Dimension, number];
  const shape = [batch, length];
  const derivation = { compute: computeFirst, build: buildFirst, dtype: "float32", shape } as const;
  const mark = context.derive("first_token", {}, derivation);
  return reduceSum(mul(hidden, reshape(mark, [batch, length, 1])), [1]);
}

function computeFirst({ keys }: Positions): HostTensor<"float32"> {
  const firsts = keys.map((row) =>
    Math.max(
      0,
      row.findIndex((key) => key >= 0),
    ),
  );
  const data = Float32Array.from(keys.flatMap((row, i) => row.map((_, at) => Number(at === firsts[i]))));
  return { dtype: "float32", shape: [keys.length, keys[0]?.length ?? 0], data };
}

function buildFirst({ ids, keys }: PositionValues): Value {
  const index = indicesOf(ids);
  const back = where(greaterOrEqual(keys, integer(0)), neg(index), integer(-(2 ** 31)));
  return flagsWhere(equal(neg(index), reduceMax(back, [1], true)));
}

/** The state `[B, E]` at the last token of that id in each of the encoder's rows, which each must have. */
export function stateAtLast(context: PositionContext, hidden: Value, id: number | undefined): Value {
  const [batch, length] = hidden.shape as [Dimension, Dimension, number];
  const derivation = {
    compute: computeLastOf,
    build: buildLastOf,
    dtype: "float32",
    shape: [batch, length],
    of: "encoder",
  } as const;
  const mark = context.derive("last_token", { id }, derivation);
  return reduceSum(mul(hidden, reshape(mark, [batch, length, 1])), [1]);
}

/**
 * 1 at the last token of each row that is not the padding token, or the first where all are; without a padding token, at
 * the last that the mask shows: `[B, T]`.
 */
function computeLastToken(
  { ids = [], keys }: Positions,
  { padTokenId }: { padTokenId: number | undefined },
): HostTensor<"float32"> {
  const isText = (row: number, at: number, id: number): boolean =>
    padTokenId === undefined ? (keys[row]?.[at] ?? -1) >= 0 : id !== padTokenId;
  const data = ids.flatMap((row, i) => {
    const last = Math.max(
      0,
      row.findLastIndex((id, at) => isText(i, at, id)),
    );
    return row.map((_, at) => Number(at === last));
  });
  return { dtype: "float32", shape: [ids.length, ids[0]?.length ?? 0], data: Float32Array.from(data) };
}

/** 1 at the last token of that id in each row, 0 elsewhere: `[B, T]`. */
function computeLastOf({ ids = [] }: Positions, { id }: { id: number | undefined }): HostTensor<"float32"> {
  const without = ids.findIndex((row) => id === undefined || !row.includes(id));
  if (without >= 0)
    throw new LecternError(
      "input",
      id === undefined
        ? "forward: this head reads the state of the end token, and config.json gives no eos_token_id; give one there"
        : `forward: this head reads the state of the end token ${id}, which row ${without + 1} lacks; append it`,
    );
  const data = Float32Array.from(
    ids.flatMap((row) => row.map((_, i) => (i === row.lastIndexOf(id as number) ? 1 : 0))),
  );
  return { dtype: "float32", shape: [ids.length, ids[0]?.length ?? 0], data };
}

function buildLastToken({ ids, keys }: PositionValues, { padTokenId }: { padTokenId: number | undefined }): Value {
  const index = indicesOf(ids);
  const none = integer(-1);
  const places =
    padTokenId === undefined
      ? where(greaterOrEqual(keys, integer(0)), index, none)
      : where(equal(ids, integer(padTokenId)), none, index);
  return flagsWhere(equal(index, atLeastZero(reduceMax(places, [1], true))));
}

/** The same as `computeLastOf`, but zeros in a row that lacks the token. */
function buildLastOf({ ids }: PositionValues, { id }: { id: number | undefined }): Value {
  const index = indicesOf(ids);
  const places = where(equal(ids, integer(id ?? -1)), index, integer(-1));
  return flagsWhere(equal(index, reduceMax(places, [1], true)));
}
