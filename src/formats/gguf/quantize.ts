import { LecternError } from "../../common/index.ts";
import { fromFloat32, halfBits } from "../../tensor/index.ts";

/** The types that are written. */
export const writtenTypes = ["F32", "F16", "BF16", "Q8_0", "Q4_0"] as const;
/** The type in which a GGUF file stores matrices. */
export type WrittenType = (typeof writtenTypes)[number];

const { abs, floor, fround, min, sign } = Math;

/** Values as the bytes of a type; whole blocks where it has any. */
export const encoders: Readonly<Record<WrittenType, (values: Float32Array) => Uint8Array>> = {
  F32: bytesOf,
  F16: encodeF16,
  BF16: (values) => bytesOf(fromFloat32("bfloat16", values)),
  Q8_0: encodeQ8_0,
  Q4_0: encodeQ4_0,
};

function bytesOf(values: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function encodeF16(values: Float32Array): Uint8Array {
  const halves = fromFloat32("float16", values);
  for (let i = 0; i < halves.length; i++)
    if (((halves[i] as number) & 0x7fff) === 0x7c00 && Number.isFinite(values[i] as number))
      throw new LecternError("numeric", `export: ${values[i]} is too large for F16; use BF16 or F32`);
  return bytesOf(halves);
}

function checkFinite(most: number): void {
  if (!Number.isFinite(most))
    throw new LecternError("numeric", "export: the weights hold a NaN or an infinity, which no block can hold");
}

/** As ggml's reference: d = max |x| ÷ 127, q = x ÷ d rounded, halves away from zero. */
function encodeQ8_0(values: Float32Array): Uint8Array {
  const out = new Uint8Array((values.length / 32) * 34);
  for (let from = 0, to = 0; from < values.length; from += 32, to += 34) {
    let most = 0;
    for (let i = from; i < from + 32; i++) {
      const size = abs(values[i] as number);
      if (!(size <= most)) most = size; // a NaN stays
    }
    checkFinite(most);
    const d = fround(most / 127);
    const inverse = d === 0 ? 0 : fround(1 / d);
    writeHalf(out, to, d);
    for (let i = 0; i < 32; i++) {
      const x = fround((values[from + i] as number) * inverse);
      out[to + 2 + i] = sign(x) * floor(abs(x) + 0.5);
    }
  }
  return out;
}

/** As ggml's reference: d = the value of largest size ÷ −8, q = x ÷ d + 8.5 cut off, at most 15. */
function encodeQ4_0(values: Float32Array): Uint8Array {
  const out = new Uint8Array((values.length / 32) * 18);
  for (let from = 0, to = 0; from < values.length; from += 32, to += 18) {
    let largest = 0;
    for (let i = from; i < from + 32; i++) {
      const x = values[i] as number;
      if (!(abs(x) <= abs(largest))) largest = x;
    }
    checkFinite(largest);
    const d = fround(largest / -8);
    const inverse = d === 0 ? 0 : fround(1 / d);
    writeHalf(out, to, d);
    const step = (x: number): number => min(15, floor(fround(fround(x * inverse) + 8.5)));
    for (let i = 0; i < 16; i++)
      out[to + 2 + i] = step(values[from + i] as number) | (step(values[from + 16 + i] as number) << 4);
  }
  return out;
}

function writeHalf(out: Uint8Array, at: number, value: number): void {
  const bits = halfBits(value);
  out[at] = bits & 255;
  out[at + 1] = bits >> 8;
}
