import { LecternError } from "../common/index.ts";
import type { DType, TypedArrays } from "./dtype.ts";

/** All 65,536 float16 values: one look-up an element is as fast as memory gives. Built on first use. */
let halfTable: Float32Array | undefined;

function halves(): Float32Array {
  if (halfTable) return halfTable;
  halfTable = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) halfTable[bits] = halfToNumber(bits);
  return halfTable;
}

/** The value of one float16, by its bits. */
export function halfValue(bits: number): number {
  return halves()[bits] as number;
}

/** The bits of the float16 nearest to a value, ties to even. */
export function halfBits(value: number): number {
  single[0] = value;
  return floatBitsToHalf(singleBits[0] as number);
}

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The value of an 8-bit float with 4 bits of exponent (bias 7) and 3 of fraction; 0x7f is NaN, nothing is infinite. */
function smallFloat(bits: number): number {
  const sign = bits & 0x80 ? -1 : 1;
  const exponent = (bits >> 3) & 15;
  const fraction = bits & 7;
  if (exponent === 15 && fraction === 7) return Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -9 : sign * (1 + fraction / 8) * 2 ** (exponent - 7);
}

/** float32 bits to float16 bits, rounding to the nearest, ties to even; too large becomes infinity. */
function floatBitsToHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    const rounded = magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1);
    return sign | (rounded >>> 13);
  }
  if (magnitude < 0x33000000) return sign;
  const shift = 126 - (magnitude >>> 23);
  const fraction = (magnitude & 0x7fffff) | 0x800000;
  const kept = fraction >>> shift;
  const rest = fraction & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (kept + (rest > half || (rest === half && kept & 1) ? 1 : 0));
}

/** float32 bits to bfloat16 bits, rounding to the nearest, ties to even; NaN stays NaN. */
function floatBitsToBrain(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** Elements of any float or integer dtype as float32; a float32 array is returned as it is. */
export function toFloat32<D extends DType>(dtype: D, data: TypedArrays[D]): Float32Array {
  if (data instanceof Float32Array) return data;
  if (dtype === "int4")
    throw new LecternError("unsupported", "toFloat32: int4 needs its scales; dequantize it instead");
  if (data instanceof BigInt64Array) return Float32Array.from(data, Number);
  const out = new Float32Array(data.length);
  if (dtype === "float16") {
    const table = halves();
    for (let i = 0; i < out.length; i++) out[i] = table[data[i] as number] as number;
  } else if (dtype === "bfloat16") {
    const bits = new Uint32Array(out.buffer);
    for (let i = 0; i < bits.length; i++) bits[i] = (data[i] as number) << 16;
  } else if (dtype === "float8e4m3") {
    const values = Float32Array.from({ length: 256 }, (_, bits) => smallFloat(bits));
    for (let i = 0; i < out.length; i++) out[i] = values[data[i] as number] as number;
  } else if (dtype === "float8e5m2") {
    for (let i = 0; i < out.length; i++) out[i] = halfValue((data[i] as number) << 8);
  } else {
    out.set(data);
  }
  return out;
}

/** float32 elements as another float dtype, rounding to the nearest, ties to even. */
export function fromFloat32<D extends "float32" | "float16" | "bfloat16">(dtype: D, data: Float32Array): TypedArrays[D];
export function fromFloat32(dtype: "float32" | "float16" | "bfloat16", data: Float32Array): Float32Array | Uint16Array {
  if (dtype === "float32") return data;
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  const out = new Uint16Array(data.length);
  if (dtype === "float16") for (let i = 0; i < out.length; i++) out[i] = floatBitsToHalf(bits[i] as number);
  else for (let i = 0; i < out.length; i++) out[i] = floatBitsToBrain(bits[i] as number);
  return out;
}
