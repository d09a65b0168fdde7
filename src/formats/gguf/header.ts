import { check, LecternError } from "../../common/index.ts";
import type { FileSource } from "../../files/index.ts";
import { elementCount } from "../../tensor/index.ts";
import { type GgufType, typeOf } from "./types.ts";

export type GgufValue = number | boolean | string | readonly (number | boolean | string)[];

export interface GgufTensor {
  readonly type: GgufType;
  /** Outermost first, unlike in the file. */
  readonly shape: readonly number[];
  /** The first byte, counted from the start of the file. */
  readonly offset: number;
  readonly byteLength: number;
  /** The part that holds it, where a model is split. */
  readonly file?: string;
}

export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** The bytes that the header takes. */
  readonly length: number;
}

/** The number of bytes that are read first, and at most: the largest vocabularies take some tens of megabytes. */
const FIRST_BYTES = 1 << 20;
const LARGEST_HEADER = 1 << 28;
const MOST_DIMENSIONS = 4;
const DEFAULT_ALIGNMENT = 32;
const MAGIC = 0x46554747; // "GGUF"

/** Thrown inside to say that the header goes on behind the bytes at hand. */
class NeedsMore extends Error {}

/** Reads a file's header; the bytes of tensors stay where they are. Counts are checked before anything is made of them. */
export async function readGgufHeader(files: FileSource, name: string): Promise<GgufHeader> {
  const size = await files.size(name);
  for (let length = Math.min(FIRST_BYTES, size); ; length = Math.min(4 * length, size, LARGEST_HEADER)) {
    try {
      return parseGguf(name, await files.readBytes(name, 0, length), size);
    } catch (error) {
      if (error instanceof LecternError) throw error;
      if (!(error instanceof NeedsMore))
        throw new LecternError("file", `${name} cannot be read: ${(error as Error).message}`, { cause: error });
      check(length < size, "file", () => `${name}: the header goes on behind the file's end: truncated`);
      check(length < LARGEST_HEADER, "file", () => `${name}: a header of over ${LARGEST_HEADER} bytes: damaged`);
    }
  }
}

/** @param bytes the file's beginning; throws {@link NeedsMore} where it ends too soon */
function parseGguf(name: string, bytes: Uint8Array, size: number): GgufHeader {
  const read = new Reader(name, bytes, size);
  check(
    size >= 24 && read.u32() === MAGIC,
    "file",
    () => `${name} does not begin with GGUF: another format, or damaged`,
  );
  checkVersion(name, read.u32());
  const tensorCount = read.count(8 + 4 + 4 + 8, "tensors");
  const metadataCount = read.count(8 + 4 + 1, "metadata entries");
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < metadataCount; i++) {
    const key = read.string();
    check(!metadata.has(key), "file", () => `${name}: the header gives ${key} twice: damaged`);
    metadata.set(key, read.value(key));
  }
  const infos: ReturnType<typeof readInfo>[] = [];
  for (let i = 0; i < tensorCount; i++) infos.push(readInfo(name, read));
  const tensors = new Map(infos.map(({ key, ...info }) => [key, info]));
  check(tensors.size === infos.length, "file", () => `${name}: the header names a tensor twice: damaged`);
  return { metadata, tensors: place(name, tensors, { metadata, size, end: read.at }), length: read.at };
}

function checkVersion(name: string, version: number): void {
  if (version === 2 || version === 3) return;
  const isSwapped = version !== 0 && (version & 0xffff) === 0;
  throw new LecternError(
    "unsupported",
    `${name}: GGUF ${isSwapped ? "in big-endian order is" : `version ${version} is`} not read; read are versions 2 and 3, little-endian`,
  );
}

function readInfo(name: string, read: Reader): Omit<GgufTensor, "byteLength"> & { key: string } {
  const key = read.string();
  const where = `${name}: tensor ${key}`;
  const dimensions = read.u32();
  check(dimensions <= MOST_DIMENSIONS, "file", () => `${where} has ${dimensions} dimensions; at most 4 are allowed`);
  const shape = Array.from({ length: dimensions }, () => read.u64()).reverse();
  return { key, shape, type: typeOf(read.u32(), where), offset: read.u64() };
}

/** The locations of tensors: aligned, inside the file, none over another. */
function place(
  name: string,
  tensors: ReadonlyMap<string, Omit<GgufTensor, "byteLength">>,
  { metadata, size, end }: { metadata: ReadonlyMap<string, GgufValue>; size: number; end: number },
): Map<string, GgufTensor> {
  const alignment = metadata.get("general.alignment") ?? DEFAULT_ALIGNMENT;
  check(
    typeof alignment === "number" && alignment >= 8 && alignment <= 1 << 20 && Number.isInteger(Math.log2(alignment)),
    "file",
    () => `${name}: general.alignment must be a power of two from 8 on; got ${alignment}`,
  );
  const start = Math.ceil(end / alignment) * alignment;
  const placed = new Map<string, GgufTensor>();
  for (const [key, { type, shape, offset }] of tensors) {
    const where = `${name}: tensor ${key}`;
    const count = elementCount(shape);
    check(Number.isSafeInteger(count) && count > 0, "file", () => `${where}: shape [${shape.join(", ")}] cannot be`);
    check(
      (shape.at(-1) ?? 1) % type.values === 0,
      "file",
      () =>
        `${where}: rows of ${shape.at(-1) ?? 1} values are not whole blocks of ${type.values}, as ${type.name} has them`,
    );
    check(offset % alignment === 0, "file", () => `${where}: offset ${offset} is not a multiple of ${alignment}`);
    const byteLength = (count / type.values) * type.bytes;
    check(
      start + offset + byteLength <= size,
      "file",
      () => `${where} ends at byte ${start + offset + byteLength}, the file has ${size}: truncated or damaged`,
    );
    placed.set(key, { type, shape, offset: start + offset, byteLength });
  }
  const ordered = [...placed].sort(([, a], [, b]) => a.offset - b.offset);
  for (const [i, [key, { offset }]] of ordered.entries()) {
    const [before, info] = ordered[i - 1] ?? [];
    check(
      !info || info.offset + info.byteLength <= offset,
      "file",
      () => `${name}: tensors ${before} and ${key} overlap: damaged`,
    );
  }
  return placed;
}

/** The number types of metadata, by their number in the file: bytes, and how they are read. */
const numbers: Readonly<Record<number, readonly [bytes: number, read: (view: DataView, at: number) => number]>> = {
  0: [1, (view, at) => view.getUint8(at)],
  1: [1, (view, at) => view.getInt8(at)],
  2: [2, (view, at) => view.getUint16(at, true)],
  3: [2, (view, at) => view.getInt16(at, true)],
  4: [4, (view, at) => view.getUint32(at, true)],
  5: [4, (view, at) => view.getInt32(at, true)],
  6: [4, (view, at) => view.getFloat32(at, true)],
  10: [8, (view, at) => Number(view.getBigUint64(at, true))],
  11: [8, (view, at) => Number(view.getBigInt64(at, true))],
  12: [8, (view, at) => view.getFloat64(at, true)],
};
const [BOOL, STRING, ARRAY] = [7, 8, 9];

/** Reads a header's fields one after the other. */
class Reader {
  at = 0;
  readonly #name: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #size: number;
  readonly #text = new TextDecoder();

  constructor(name: string, bytes: Uint8Array, size: number) {
    this.#name = name;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#size = size;
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): number {
    const value = this.#view.getBigUint64(this.#take(8), true);
    check(
      value <= BigInt(Number.MAX_SAFE_INTEGER),
      "file",
      () => `${this.#name}: ${value} where a size or an offset stands: damaged`,
    );
    return Number(value);
  }

  /** The number of things that follow; refused where they could not fit into the rest of the file. */
  count(leastBytes: number, of: string): number {
    const count = this.u64();
    const room = Math.floor((this.#size - this.at) / leastBytes);
    check(
      count <= room,
      "file",
      () => `${this.#name}: the header announces ${count} ${of}, the file has room for ${room}: truncated or damaged`,
    );
    return count;
  }

  string(): string {
    const length = this.count(1, "bytes of a text");
    const start = this.#take(length);
    return this.#text.decode(this.#bytes.subarray(start, start + length));
  }

  value(key: string): GgufValue {
    const type = this.u32();
    if (type !== ARRAY) return this.#single(type, key);
    const inner = this.u32();
    check(inner !== ARRAY, "unsupported", () => `${this.#name}: ${key} is a list of lists, which is not read`);
    const least = inner === STRING ? 8 : inner === BOOL ? 1 : (numbers[inner]?.[0] ?? 1);
    const count = this.count(least, `values of ${key}`);
    const values: (number | boolean | string)[] = [];
    for (let i = 0; i < count; i++) values.push(this.#single(inner, key));
    return values;
  }

  #single(type: number, key: string): number | boolean | string {
    if (type === STRING) return this.string();
    if (type === BOOL) return this.#view.getUint8(this.#take(1)) !== 0;
    const number = numbers[type];
    check(number, "file", () => `${this.#name}: ${key} has the unknown value type ${type}: damaged`);
    return number[1](this.#view, this.#take(number[0]));
  }

  #take(length: number): number {
    const start = this.at;
    if (start + length > this.#bytes.length) throw new NeedsMore();
    this.at += length;
    return start;
  }
}
