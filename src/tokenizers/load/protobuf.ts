import { LecternError } from "../../common/index.ts";

/** One field of a message: a number for varints and floats, bytes for the rest. */
export interface Field {
  readonly number: number;
  readonly value: number | Uint8Array;
}

/** The fields of a protocol buffer message, in the order in which they stand. */
export function* fieldsOf(bytes: Uint8Array, what: string): Iterable<Field> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const broken = (expected: string): LecternError =>
    new LecternError(
      "file",
      `${what}: expected ${expected} at byte ${at} of ${bytes.length}; the file is damaged or of another kind`,
    );
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 63; factor *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw broken("a number");
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw broken("a number of at most ten bytes");
  };
  const take = (length: number): number => {
    if (length > bytes.length - at) throw broken(`${length} more bytes`);
    at += length;
    return at - length;
  };
  while (at < bytes.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    if (number === 0) throw broken("the number of a field");
    if (key % 8 === 0) yield { number, value: varint() };
    else if (key % 8 === 1) yield { number, value: view.getFloat64(take(8), true) };
    else if (key % 8 === 5) yield { number, value: view.getFloat32(take(4), true) };
    else if (key % 8 === 2) {
      const length = varint();
      const start = take(length);
      yield { number, value: bytes.subarray(start, start + length) };
    } else throw broken("a field of a known kind");
  }
}
