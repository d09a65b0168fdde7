import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";

/** Pages are hashed, evenly spaced, about so many: all of a small file, some MiB of a large one. */
const PAGE = 4096;
const PAGES = 2048;

/** The length of a digest, in bytes. */
export const DIGEST_BYTES = 32;

function strideOf(size: number): number {
  return PAGE * Math.max(1, Math.floor(size / PAGE / PAGES));
}

/** The digest of sampled pages of bytes that come in pieces. */
export class SampledDigest {
  readonly #hash = createHash("sha256");
  readonly #stride: number;
  #at = 0;

  /** @param size of all bytes */
  constructor(size: number) {
    this.#stride = strideOf(size);
  }

  update(piece: Uint8Array): void {
    const [from, to] = [this.#at, this.#at + piece.length];
    for (let page = Math.floor(from / this.#stride) * this.#stride; page < to; page += this.#stride) {
      const [start, end] = [Math.max(page, from), Math.min(page + PAGE, to)];
      if (start < end) this.#hash.update(piece.subarray(start - from, end - from));
    }
    this.#at = to;
  }

  digest(): Uint8Array {
    return this.#hash.digest();
  }
}

/** The same digest of the first `size` bytes of a file. */
export async function digestOf(file: FileHandle, size: number): Promise<Uint8Array> {
  const digest = createHash("sha256");
  const bytes = new Uint8Array(PAGE);
  for (let page = 0; page < size; page += strideOf(size)) {
    const { bytesRead } = await file.read(bytes, 0, Math.min(PAGE, size - page), page);
    digest.update(bytes.subarray(0, bytesRead));
  }
  return digest.digest();
}
