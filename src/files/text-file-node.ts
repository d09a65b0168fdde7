import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { LecternError } from "../common/index.ts";

/**
 * The text of a data file in UTF-8, unpacked where it ends in `.gz`.
 *
 * @throws LecternError `file` where it cannot be read or unpacked, `input` where it is not UTF-8
 */
export function readTextFile(path: string): string {
  let bytes: Uint8Array;
  try {
    const read = readFileSync(path);
    bytes = path.endsWith(".gz") ? gunzipSync(read) : read;
  } catch (cause) {
    throw new LecternError("file", `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new LecternError("input", `${path}: not UTF-8: save it in that encoding`, { cause });
  }
}
