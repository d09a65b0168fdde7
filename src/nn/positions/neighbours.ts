import { type Dimension, expand, mul, reshape, takeAlong, transpose, type Value } from "../../graph/index.ts";
import { type HostTensor, int64Matrix } from "../../tensor/index.ts";
import type { PositionContext } from "./derive.ts";
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
  const index = context.derive(`neighbour_${offset}`, options, { compute: computeSlots, dtype: "int64", shape });
  const mask = context.derive(`has_neighbour_${offset}`, options, { compute: computeMask, dtype: "float32", shape });
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
