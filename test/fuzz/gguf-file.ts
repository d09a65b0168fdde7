import type { Mutator } from "./mutate.ts";

type Entry = [key: string, type: number, value: unknown];
interface Tensor {
  name: string;
  sizes: number[];
  type: number;
  offset: number;
}

/** A GGUF file taken apart, to be put together again with something changed. */
export interface GgufParts {
  entries: Entry[];
  tensors: Tensor[];
  data: Uint8Array;
}

const [BOOL, STRING, ARRAY] = [7, 8, 9];
const WIDTHS: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};

export function takeApart(bytes: Uint8Array): GgufParts & { headerLength: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 8;
  const u64 = (): number => Number(view.getBigUint64((at += 8) - 8, true));
  const u32 = (): number => view.getUint32((at += 4) - 4, true);
  const text = (): string => {
    const length = u64();
    return new TextDecoder().decode(bytes.subarray(at, (at += length)));
  };
  const single = (type: number): unknown => {
    if (type === STRING) return text();
    const start = at;
    at += WIDTHS[type] ?? 1;
    if (type === BOOL) return view.getUint8(start) !== 0;
    if (type === 6) return view.getFloat32(start, true);
    if (type === 12) return view.getFloat64(start, true);
    return (WIDTHS[type] ?? 1) === 8
      ? Number(view.getBigUint64(start, true))
      : (WIDTHS[type] ?? 1) === 4
        ? view.getInt32(start, true)
        : view.getUint8(start);
  };
  const [tensorCount, entryCount] = [u64(), u64()];
  const entries = Array.from({ length: entryCount }, (): Entry => {
    const key = text();
    const type = u32();
    if (type !== ARRAY) return [key, type, single(type)];
    const inner = u32();
    return [key, 100 + inner, Array.from({ length: u64() }, () => single(inner))];
  });
  const tensors = Array.from({ length: tensorCount }, (): Tensor => {
    const name = text();
    const sizes = Array.from({ length: u32() }, u64);
    return { name, sizes, type: u32(), offset: u64() };
  });
  return { entries, tensors, headerLength: at, data: bytes.subarray(Math.ceil(at / 32) * 32) };
}

/** Writes whatever it is given, by the kind of each value where the type does not fit. */
export function putTogether(mutate: Mutator, { entries, tensors, data }: GgufParts): Uint8Array {
  const parts: Uint8Array[] = [];
  const put = (length: number, write: (view: DataView) => void): void => {
    const bytes = new Uint8Array(length);
    write(new DataView(bytes.buffer));
    parts.push(bytes);
  };
  const u32 = (value: unknown): void => put(4, (view) => view.setUint32(0, numberOf(value), true));
  const u64 = (value: unknown): void => put(8, (view) => view.setBigUint64(0, wide(value), true));
  const text = (value: unknown): void => {
    const bytes = new TextEncoder().encode(typeof value === "string" ? value : (JSON.stringify(value) ?? ""));
    u64(bytes.length);
    parts.push(bytes);
  };
  const single = (type: number, value: unknown): void => {
    if (type === STRING) {
      text(value);
      return;
    }
    const width = WIDTHS[type] ?? 1;
    put(width, (view) => {
      if (type === 6) view.setFloat32(0, numberOf(value), true);
      else if (type === 12) view.setFloat64(0, numberOf(value), true);
      else if (width === 8) view.setBigUint64(0, wide(value), true);
      else if (width === 4) view.setUint32(0, numberOf(value), true);
      else view.setUint8(0, numberOf(value));
    });
  };
  parts.push(new TextEncoder().encode("GGUF"));
  u32(mutate.chance(0.02) ? mutate.number() : 3);
  u64(mutate.chance(0.03) ? mutate.number() : tensors.length);
  u64(mutate.chance(0.03) ? mutate.number() : entries.length);
  for (const [key, type, value] of entries) {
    text(key);
    const list = type >= 100 ? (Array.isArray(value) ? value : [value]) : undefined;
    u32(list ? ARRAY : type);
    if (list) {
      u32(type - 100);
      u64(mutate.chance(0.002) ? mutate.number() : list.length);
      for (const each of list) single(type - 100, each);
    } else single(type, value);
  }
  for (const { name, sizes, type, offset } of tensors) {
    text(name);
    u32(sizes.length);
    for (const size of sizes) u64(size);
    u32(type);
    u64(offset);
  }
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  parts.push(new Uint8Array(Math.ceil(length / 32) * 32 - length), data);
  return Buffer.concat(parts);
}

const numberOf = (value: unknown): number => (typeof value === "number" ? value : 0);

function wide(value: unknown): bigint {
  const number = numberOf(value);
  return Number.isFinite(number) && Math.abs(number) < 2 ** 64 ? BigInt.asUintN(64, BigInt(Math.trunc(number))) : 0n;
}

/** A type that a value of JSON is written as. */
export function typeFor(mutate: Mutator, value: unknown): number {
  if (Array.isArray(value)) return 100 + typeFor(mutate, value[0]);
  if (typeof value === "string") return STRING;
  if (typeof value === "boolean") return BOOL;
  return typeof value === "number" ? mutate.pick([4, 5, 6, 10, 11, 12]) : STRING;
}
