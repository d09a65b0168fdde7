import { elementCount } from "../../tensor/index.ts";
import { encoders, type WrittenType } from "./quantize.ts";
import { typeId, typeOf } from "./types.ts";

/** A metadata entry, with the type that it has in the file. */
export type GgufEntry =
  | readonly [key: string, type: "u32" | "i32" | "f32", value: number]
  | readonly [key: string, type: "bool", value: boolean]
  | readonly [key: string, type: "string", value: string]
  | readonly [key: string, type: "strings", value: readonly string[]]
  | readonly [key: string, type: "f32s" | "i32s", value: readonly number[]]
  | readonly [key: string, type: "bools", value: readonly boolean[]];

/** A tensor to write; its values are asked for when it is its turn. */
export interface GgufOutput {
  readonly name: string;
  /** Outermost first. */
  readonly shape: readonly number[];
  readonly type: WrittenType;
  /** All values in order, in pieces of whole rows. */
  readonly values: () => AsyncIterable<Float32Array>;
}

const ALIGNMENT = 32;
const typeNumbers = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;

/** A GGUF file of version 3, piece by piece. */
export async function* ggufPieces(
  metadata: readonly GgufEntry[],
  tensors: readonly GgufOutput[],
): AsyncGenerator<Uint8Array> {
  const header = new Writer();
  header.text("GGUF").u32(3).u64(tensors.length).u64(metadata.length);
  for (const entry of metadata) writeEntry(header, entry);
  let offset = 0;
  for (const { name, shape, type } of tensors) {
    header.string(name).u32(shape.length);
    for (const size of shape.toReversed()) header.u64(size);
    header.u32(typeId(type)).u64(offset);
    offset += aligned(byteLengthOf(type, shape));
  }
  const bytes = header.bytes();
  yield bytes;
  yield new Uint8Array(aligned(bytes.length) - bytes.length);
  for (const { type, shape, values } of tensors) {
    for await (const piece of values()) yield encoders[type](piece);
    const length = byteLengthOf(type, shape);
    yield new Uint8Array(aligned(length) - length);
  }
}

function aligned(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

function byteLengthOf(name: WrittenType, shape: readonly number[]): number {
  const { values, bytes } = typeOf(typeId(name), "export");
  return (elementCount(shape) / values) * bytes;
}

/** True if rows of a length are whole blocks of a type. */
export function fitsBlocks(type: WrittenType, columns: number): boolean {
  return columns % typeOf(typeId(type), "export").values === 0;
}

function writeEntry(to: Writer, [key, type, value]: GgufEntry): void {
  to.string(key);
  switch (type) {
    case "u32":
      to.u32(typeNumbers.u32).u32(value);
      break;
    case "i32":
      to.u32(typeNumbers.i32).u32(value);
      break;
    case "f32":
      to.u32(typeNumbers.f32).f32(value);
      break;
    case "bool":
      to.u32(typeNumbers.bool).u8(value ? 1 : 0);
      break;
    case "string":
      to.u32(typeNumbers.string).string(value);
      break;
    case "strings":
      to.u32(typeNumbers.array).u32(typeNumbers.string).u64(value.length);
      for (const text of value) to.string(text);
      break;
    case "f32s":
      to.u32(typeNumbers.array).u32(typeNumbers.f32).u64(value.length);
      for (const number of value) to.f32(number);
      break;
    case "i32s":
      to.u32(typeNumbers.array).u32(typeNumbers.i32).u64(value.length);
      for (const number of value) to.u32(number);
      break;
    case "bools":
      to.u32(typeNumbers.array).u32(typeNumbers.bool).u64(value.length);
      for (const flag of value) to.u8(flag ? 1 : 0);
  }
}

/** Bytes that grow as they are written, little-endian. */
class Writer {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  u8(value: number): this {
    const at = this.#room(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.#room(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  u64(value: number): this {
    const at = this.#room(8);
    this.#view.setBigUint64(at, BigInt(value), true);
    return this;
  }

  f32(value: number): this {
    const at = this.#room(4);
    this.#view.setFloat32(at, value, true);
    return this;
  }

  /** Without its length. */
  text(value: string): this {
    const bytes = new TextEncoder().encode(value);
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  string(value: string): this {
    this.u64(new TextEncoder().encode(value).length);
    return this.text(value);
  }

  /** Makes room, and returns where it begins; what was written may lie in other memory then. */
  #room(length: number): number {
    const start = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(2 * this.#length);
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return start;
  }
}
