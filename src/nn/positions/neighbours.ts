import {
  add,
  type Dimension,
  equal,
  expand,
  greaterOrEqual,
  min,
  mul,
  reduceMax,
  reshape,
  takeAlong,
  transpose,
  type Value,
} from "../../graph/index.ts";
import { type HostTensor, int64Matrix } from "../../tensor/index.ts";
import type { PositionContext } from "./derive.ts";
import { atLeastZero, flagsWhere, indicesOf, integer, type PositionValues } from "./position-values.ts";
import type { Positions } from "./positions.ts";
import { flags } from "./token-mask.ts";

interface NeighbourOptions {
  readonly offset: number;
}

/** The states `[B, T, E]` of the tokens so far to the right of each, zero where its text ends before. */
export function neighbour(context: PositionContext, x: Value, offset: number): Value {
  if (offset === 0) return x;
  const [batch, length, size] = x.shape as [Dimension, Dimension, number];
  const shape = [batch, length];
  const options: NeighbourOptions = { offset };
  const slots = { compute: computeSlots, build: buildSlots, dtype: "int64", shape } as const;
  const flags = { compute: computeMask, build: buildMask, dtype: "float32", shape } as const;
  const index = context.derive(`neighbour_${offset}`, options, slots);
  const mask = context.derive(`has_neighbour_${offset}`, options, flags);
  const taken = takeAlong(transpose(x, [0, 2, 1]), expand(reshape(index, [batch, 1, length]), [batch, size, length]));
  return mul(transpose(taken, [0, 2, 1]), reshape(mask, [batch, length, 1]));
}

function computeSlots(rows: Positions, { offset }: NeighbourOptions): HostTensor<"int64"> {
  return int64Matrix(neighbours(rows, offset).map((row) => row.map((slot) => Math.max(0, slot))));
}

function computeMask(rows: Positions, { offset }: NeighbourOptions): HostTensor<"float32"> {
  return flags(neighbours(rows, offset).map((row) => row.map((slot) => slot >= 0)));
}

/** The slot of the token `offset` to the right of each in its text; −1 where there is none, or padding. */
function neighbours({ keys, texts }: Positions, offset: number): number[][] {
  return keys.map((row, r) =>
    row.map((_, t) => {
      const isThere = (row[t + offset] ?? -1) >= 0 && texts?.[r]?.[t] === texts?.[r]?.[t + offset];
      return isThere ? t + offset : -1;
    }),
  );
}

/** The places of neighbours, and those of them that lie in the row. */
function shifted(ids: Value, offset: number): { readonly places: Value; readonly nearest: Value } {
  const index = indicesOf(ids);
  const places = add(index, integer(offset));
  return { places, nearest: min(atLeastZero(places), reduceMax(index, [1], true)) };
}

/** Places of neighbours; the nearest one where there is none, whose state the mask leaves out. */
function buildSlots({ ids }: PositionValues, { offset }: NeighbourOptions): Value {
  return shifted(ids, offset).nearest;
}

function buildMask({ ids, keys }: PositionValues, { offset }: NeighbourOptions): Value {
  const { places, nearest } = shifted(ids, offset);
  return flagsWhere(equal(places, nearest), greaterOrEqual(takeAlong(keys, nearest), integer(0)));
}
