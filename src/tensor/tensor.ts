import { check } from "../common/index.ts";
import { byteLength, type DType, type TypedArrays, typedArrays } from "./dtype.ts";

/** A tensor in JavaScript's memory: row-major elements and a shape of plain integers. */
export interface HostTensor<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: TypedArrays[D];
}

/** The number of elements of a shape; 1 for a scalar `[]`. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A host tensor over the given elements; throws code `shape` if their number is not that of the shape. */
export function tensor<D extends DType>(dtype: D, shape: readonly number[], data: TypedArrays[D]): HostTensor<D> {
  const expected = byteLength(dtype, elementCount(shape));
  check(
    data.byteLength === expected,
    "shape",
    () => `tensor: shape [${shape.join(", ")}] of ${dtype} takes ${expected} bytes; came ${data.byteLength}`,
  );
  return { dtype, shape, data };
}

/** A host tensor of zeros. */
export function zeros<D extends DType>(dtype: D, shape: readonly number[]): HostTensor<D> {
  const bytes = byteLength(dtype, elementCount(shape));
  const array = typedArrays[dtype];
  return { dtype, shape, data: new array(bytes / array.BYTES_PER_ELEMENT) };
}

/** int64 ids as a host tensor, from rows of equal length: `[B, T]`. */
export function int64Matrix(rows: readonly (readonly number[])[]): HostTensor<"int64"> {
  const width = rows[0]?.length ?? 0;
  check(
    rows.every((row) => row.length === width),
    "shape",
    () => `int64Matrix: rows must have equal length; came ${rows.map((row) => row.length).join(", ")}`,
  );
  return { dtype: "int64", shape: [rows.length, width], data: BigInt64Array.from(rows.flat(), (id) => BigInt(id)) };
}
