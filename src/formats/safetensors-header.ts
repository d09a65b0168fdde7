import { check, isObject, LecternError, ownEntry, parseJson, shown } from "../common/index.ts";
import { byteLength, type DType, elementCount } from "../tensor/index.ts";

/** The location of a tensor in its file. */
export interface TensorInfo {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The first byte, counted from the start of the file. */
  readonly offset: number;
  readonly byteLength: number;
}

const dtypes: Readonly<Record<string, DType>> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
  F8_E4M3: "float8e4m3",
  F8_E5M2: "float8e5m2",
  I8: "int8",
  U8: "uint8",
  I32: "int32",
  I64: "int64",
  BOOL: "bool",
};

/** The format's own limit on the header (safetensors README). */
const LARGEST_HEADER = 100_000_000;

/** Reads the length of the header from the first eight bytes. */
export function headerLength(file: string, first: Uint8Array, size: number): number {
  check(
    first.length === 8,
    "file",
    () => `${file}: a safetensors file starts with 8 bytes of length; it has ${first.length}`,
  );
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true);
  check(
    length <= BigInt(LARGEST_HEADER),
    "file",
    () => `${file}: header of ${length} bytes; at most ${LARGEST_HEADER} are allowed: damaged, or not safetensors`,
  );
  check(
    Number(length) + 8 <= size,
    "file",
    () => `${file}: header of ${length} bytes, but the file has ${size}: truncated; download it again`,
  );
  return Number(length);
}

/** Reads a header and checks that its tensors fill the rest of the file without gaps or overlaps. */
export function parseHeader(file: string, bytes: Uint8Array, size: number): Map<string, TensorInfo> {
  let text: string;
  let json: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    json = parseJson(text, "the header");
  } catch (cause) {
    throw new LecternError("file", `${file}: the header is not JSON: damaged, or not safetensors`, { cause });
  }
  check(isObject(json), "file", () => `${file}: the header must be an object`);
  const dataStart = 8 + bytes.length;
  const tensors = new Map<string, TensorInfo>();
  for (const [name, entry] of Object.entries(json)) {
    if (name !== "__metadata__") tensors.set(name, parseEntry(`${file}: tensor ${name}`, entry, dataStart));
  }
  checkLayout(file, tensors, dataStart, size);
  checkDuplicates(file, text, Object.keys(json).length);
  return tensors;
}

function parseEntry(where: string, entry: unknown, dataStart: number): TensorInfo {
  check(isObject(entry), "file", () => `${where}: expected an object`);
  const dtype = ownEntry(dtypes, entry.dtype);
  if (!dtype)
    throw new LecternError(
      "unsupported",
      `${where}: dtype ${shown(entry.dtype)}; supported are ${Object.keys(dtypes).join(", ")}`,
    );
  const { shape, data_offsets: offsets } = entry;
  check(isSizes(shape), "file", () => `${where}: shape must be whole numbers; got ${shown(shape)}`);
  check(
    isSizes(offsets) && offsets.length === 2,
    "file",
    () => `${where}: data_offsets must be two whole numbers; got ${shown(offsets)}`,
  );
  const [start, end] = offsets as [number, number];
  const expected = byteLength(dtype, elementCount(shape));
  check(
    end - start === expected,
    "file",
    () => `${where}: shape [${shape.join(", ")}] of ${dtype} takes ${expected} bytes; data_offsets give ${end - start}`,
  );
  return { dtype, shape, offset: dataStart + start, byteLength: expected };
}

function checkLayout(file: string, tensors: ReadonlyMap<string, TensorInfo>, dataStart: number, size: number): void {
  let at = dataStart;
  const ordered = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.byteLength - b.byteLength);
  for (const [name, info] of ordered) {
    check(info.offset >= at, "file", () => `${file}: tensor ${name} overlaps another: damaged`);
    check(info.offset === at, "file", () => `${file}: ${info.offset - at} unused bytes before tensor ${name}: damaged`);
    at = info.offset + info.byteLength;
  }
  check(
    at <= size,
    "file",
    () => `${file}: the tensors need ${at} bytes, the file has ${size}: truncated; download it again`,
  );
  check(at === size, "file", () => `${file}: ${size - at} bytes follow the last tensor: damaged`);
}

/** JSON.parse keeps the last of two equal names and says nothing; count the names of the outermost object instead. */
function checkDuplicates(file: string, text: string, distinct: number): void {
  let depth = 0;
  let names = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"\s*:?|[{}]/gs)) {
    if (token === "{") depth++;
    else if (token === "}") depth--;
    else if (depth === 1 && token.endsWith(":")) names++;
  }
  check(names === distinct, "file", () => `${file}: the header names a tensor twice: damaged`);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
