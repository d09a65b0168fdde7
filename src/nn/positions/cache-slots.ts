import type { Value } from "../../graph/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import type { PositionContext } from "./derive.ts";
import type { Positions } from "./positions.ts";

/** The slot of each row's last new token: int32 `[B]`. */
export function lastKey(context: PositionContext): Value {
  return context.derive("last_key", {}, { compute: computeLastKeys, dtype: "int32", shape: [context.batch] });
}

/** The length of the longest row with its new tokens: an int32 scalar. */
export function longestRow(context: PositionContext): Value {
  return context.derive("longest_row", {}, { compute: computeLongestRow, dtype: "int32", shape: [] });
}

function computeLastKeys({ queries }: Positions): HostTensor<"int32"> {
  return { dtype: "int32", shape: [queries.length], data: Int32Array.from(queries, (row) => row.at(-1) as number) };
}

function computeLongestRow(positions: Positions): HostTensor<"int32"> {
  return { dtype: "int32", shape: [], data: Int32Array.of(longestOf(positions)) };
}

/** The slots of a cache in which each row begins at slot 0, up to the longest row: a slot is the position of its key. */
export function cacheSlots(queries: Positions["queries"]): Positions["keys"] {
  const slots = Array.from({ length: longestOf({ queries }) }, (_, slot) => slot);
  return queries.map(() => slots);
}

/** The length of the longest row with its new tokens. */
export function longestOf({ queries }: Pick<Positions, "queries">): number {
  return queries.reduce((most, row) => Math.max(most, (row.at(-1) as number) + 1), 0);
}
