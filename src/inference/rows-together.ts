import type { OnnxGraph } from "../lowering/index.ts";
import type { HostTensor } from "../tensor/index.ts";

/** The engine's product that rounds the last bits of a row by the one beside it, and otherwise where it has none. */
const ROWS_IN_PAIRS = "MatMulNBits";

/** True if what rows get does not depend on the other rows of a run, to the last bit. */
export function isRowwise({ nodes }: OnnxGraph): boolean {
  return nodes.every(({ type }) => type !== ROWS_IN_PAIRS);
}

/**
 * The number of rows, from one on, that are computed in one run: those of its length that follow it. Rows of one token are
 * computed alone: products of several have other last bits than that of a single one, as an adapter's in float32.
 * @param most the number of tokens that they have together at most, unless one row has more
 * @param joins whether a row may be computed with those before it
 */
export function rowsTogether(
  rows: readonly (readonly number[])[],
  at: number,
  most: number,
  joins: (row: readonly number[]) => boolean = () => true,
): number {
  const first = rows[at] as readonly number[];
  const room = Math.floor(most / first.length);
  if (first.length < 2 || room < 2 || !joins(first)) return 1;
  const others = rows.slice(at + 1, at + room);
  const end = others.findIndex((row) => row.length !== first.length || !joins(row));
  return 1 + (end < 0 ? others.length : end);
}

/** A tensor `[B, …]` row by row. */
export function rowsOf({ data }: HostTensor<"float32">, count: number): Float32Array[] {
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) => data.subarray(i * size, (i + 1) * size));
}
