import { check } from "../common/index.ts";
import type { DType, TypedArrays } from "./dtype.ts";

/** A tensor in JavaScript's memory: row-major elements and a shape of plain integers. */
export interface HostTensor<D extends DType = DType> {
  /** The element type. */
  readonly dtype: D;
  /** The sizes of the axes. */
  readonly shape: readonly number[];
  /** The elements, row-major. */
  readonly data: TypedArrays[D];
}

/** The number of elements of a shape; 1 for a scalar `[]`. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** int64 ids as a host tensor, from rows of equal length: `[B, T]`. */
export function int64Matrix(rows: readonly (readonly number[])[]): HostTensor<"int64"> {
  const width = rows[0]?.length ?? 0;
  check(
    rows.every((row) => row.length === width),
    "shape",
    () => `int64Matrix: rows must have equal length; got ${rows.map((row) => row.length).join(", ")}`,
  );
  return { dtype: "int64", shape: [rows.length, width], data: BigInt64Array.from(rows.flat(), (id) => BigInt(id)) };
}
