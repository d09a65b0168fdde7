import { createReadStream } from "node:fs";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { LecternError } from "../../common/index.ts";

/**
 * A text file, which may be gzipped, piece by piece, so that it may be larger than memory; a byte-order mark is left
 * out. Throws code `file` for what cannot be read, is no gzip file, or is not UTF-8.
 */
export async function* textPieces(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decode = (bytes?: Uint8Array): string => {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
    } catch (cause) {
      throw new LecternError("file", `${path} is not UTF-8 text; save it as UTF-8`, { cause });
    }
  };
  try {
    for await (const bytes of bytesOf(path)) yield decode(bytes as Uint8Array);
  } catch (cause) {
    if (cause instanceof LecternError) throw cause;
    const { code = "", message } = cause as NodeJS.ErrnoException;
    const isGzip = code.startsWith("Z_") || code === "ERR_STREAM_PREMATURE_CLOSE";
    const what = isGzip ? "is no gzip file, or is cut short" : "cannot be read";
    throw new LecternError("file", `${path} ${what}: ${message}`, { cause });
  }
  yield decode();
}

function bytesOf(path: string): Readable {
  const file = createReadStream(path);
  // the reader of the last stream is told of an error anywhere in the chain
  return path.endsWith(".gz") ? pipeline(file, createGunzip(), () => {}) : file;
}
