import type { HostTensor } from "../../tensor/index.ts";
import type { Positions } from "./positions.ts";

/** The slot of each row's last new token: int32 `[B]`. */
export function lastKeys({ queries }: Positions): HostTensor<"int32"> {
  return { dtype: "int32", shape: [queries.length], data: Int32Array.from(queries, (row) => row.at(-1) as number) };
}

/** The length of the longest row with its new tokens: an int32 scalar. */
export function longestRow(positions: Positions): HostTensor<"int32"> {
  return { dtype: "int32", shape: [], data: Int32Array.of(longestOf(positions)) };
}

/** The length of the longest row with its new tokens. */
export function longestOf({ queries }: Positions): number {
  return queries.reduce((most, row) => Math.max(most, (row.at(-1) as number) + 1), 0);
}
