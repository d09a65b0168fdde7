/** Element types. `int4` is packed, two values a byte, low nibble first; `bool` is one byte, 0 or 1. */
export type DType =
  | "float32"
  | "float16"
  | "bfloat16"
  | "float8e4m3"
  | "float8e5m2"
  | "int8"
  | "uint8"
  | "int4"
  | "int32"
  | "int64"
  | "bool";

/** The typed array of each dtype; float16 and bfloat16 are kept as their 16 bits. */
export interface TypedArrays {
  /** 32-bit floats. */
  float32: Float32Array;
  /** The bits of IEEE half-precision floats. */
  float16: Uint16Array;
  /** The bits of bfloat16 floats. */
  bfloat16: Uint16Array;
  /** The bits of 8-bit floats with 4 bits of exponent and 3 of fraction, without infinities. */
  float8e4m3: Uint8Array;
  /** The bits of 8-bit floats with 5 bits of exponent and 2 of fraction. */
  float8e5m2: Uint8Array;
  /** Signed bytes. */
  int8: Int8Array;
  /** Unsigned bytes. */
  uint8: Uint8Array;
  /** Two values a byte, low nibble first. */
  int4: Uint8Array;
  /** 32-bit integers. */
  int32: Int32Array;
  /** 64-bit integers. */
  int64: BigInt64Array;
  /** One byte a value, 0 or 1. */
  bool: Uint8Array;
}

type Constructor<A> = {
  new (length: number): A;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): A;
  readonly BYTES_PER_ELEMENT: number;
};

export const typedArrays: { readonly [D in DType]: Constructor<TypedArrays[D]> } = {
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float8e4m3: Uint8Array,
  float8e5m2: Uint8Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int4: Uint8Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
};

/** The number of bytes that `count` elements take; an odd number of int4 values is rounded up to a whole byte. */
export function byteLength(dtype: DType, count: number): number {
  return dtype === "int4" ? Math.ceil(count / 2) : count * typedArrays[dtype].BYTES_PER_ELEMENT;
}

/** ONNX's numbers for element types (onnx.proto, TensorProto.DataType). */
export const onnxTypes: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
  float8e4m3: 17,
  float8e5m2: 19,
  int4: 22,
};

/** The smallest float32: what a masked score is, finite so that a row with nothing to attend to stays a number. */
export const LOWEST_FLOAT32 = -3.4028234663852886e38;
