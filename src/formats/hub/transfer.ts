import { createHash, randomBytes } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { type FileHandle, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { LecternError } from "../../common/index.ts";
import type { FileMetadata, HubClient } from "./client.ts";
import { diskFailure } from "./disk.ts";
import { HubFailure, notTheHub } from "./failure.ts";
import type { Exchange } from "./http.ts";
import { pauseAfter } from "./retry.ts";

/** So many tries in a row may bring nothing. */
const FRUITLESS_TRIES = 5;

/** One file on its way into the cache. */
export interface Transfer {
  readonly client: HubClient;
  readonly repository: string;
  readonly commit: string;
  readonly file: string;
  readonly metadata: FileMetadata;
  /** The place of the file: `blobs/<etag>`. */
  readonly blob: string;
  readonly signal: AbortSignal | undefined;
  readonly onBytes: (loaded: number) => void;
}

/**
 * Downloads a blob: beside its place first, going on from what an earlier try left, then checked, then renamed. Must
 * be called with the blob's lock held.
 */
export async function downloadBlob(transfer: Transfer): Promise<void> {
  const { blob } = transfer;
  const part = join(dirname(blob), `${basename(blob)}.lectern-${randomBytes(4).toString("hex")}.incomplete`);
  try {
    let left = await claimLeftovers(transfer, part);
    while (true) {
      await fill(transfer, part, left);
      const fault = await faultOf(part, transfer.metadata);
      if (fault === undefined) break;
      await rm(part, { force: true });
      if (left === 0)
        throw new HubFailure(
          "wrong",
          `${transfer.repository}: ${transfer.file}: ${fault}; the download was deleted: try again, and if it happens again, the hub or a proxy serves a damaged file`,
        );
      left = 0; // what lay there was of no use: once more, from the start
    }
    await rename(part, blob);
  } catch (cause) {
    if (cause instanceof LecternError) throw cause;
    const wasTaken = (cause as NodeJS.ErrnoException).code === "ENOENT" && existsSync(blob);
    if (wasTaken) return; // this process was held up, lost its lock, and another one finished what it had begun
    throw await diskFailure(cause, transfer);
  }
}

/** Takes over what killed processes and other versions left of this file: the longest piece; its length. */
async function claimLeftovers({ blob, metadata }: Transfer, part: string): Promise<number> {
  const folder = dirname(blob);
  const start = `${basename(blob)}.`;
  const pieces: { path: string; size: number }[] = [];
  for (const name of await readdir(folder)) {
    const isOurs = name.startsWith(`${start}lectern-`) && name.endsWith(".incomplete");
    if (!isOurs && name !== `${start}incomplete`) continue;
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found?.isFile()) pieces.push({ path: join(folder, name), size: found.size });
  }
  pieces.sort((a, b) => b.size - a.size);
  const [longest, ...others] = pieces.filter(({ size }) => metadata.size === undefined || size <= metadata.size);
  const useless = pieces.filter((piece) => piece !== longest && !others.includes(piece));
  for (const { path } of [...others, ...useless]) await rm(path, { force: true });
  if (!longest) return 0;
  await rename(longest.path, part);
  return longest.size;
}

/** Brings a file from `offset` bytes to its full size, over broken connections. */
async function fill(transfer: Transfer, part: string, offset: number): Promise<void> {
  const handle = await open(part, offset > 0 ? "r+" : "w");
  try {
    const state = new Filling(transfer, handle, offset);
    for (let fruitless = 0; ; ) {
      const before = state.offset;
      try {
        if (await state.isFilled()) break;
      } catch (error) {
        fruitless = state.offset > before ? 1 : fruitless + 1;
        await pauseAfter(error, fruitless, { tries: FRUITLESS_TRIES, signal: transfer.signal });
      }
    }
    await handle.truncate(state.offset);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A file that is being filled. */
class Filling {
  readonly #transfer: Transfer;
  readonly #handle: FileHandle;
  /** The number of bytes that are there. */
  offset: number;
  #size: number | undefined;
  /** The etag that the place of the bytes itself gives them, to notice when they are others. */
  #etag: string | undefined;

  constructor(transfer: Transfer, handle: FileHandle, offset: number) {
    this.#transfer = transfer;
    this.#handle = handle;
    this.offset = offset;
    this.#size = transfer.metadata.size;
    transfer.onBytes(offset);
  }

  /** One try; true where the file is whole. */
  async isFilled(): Promise<boolean> {
    const { client, repository, commit, file } = this.#transfer;
    if (this.offset === this.#size && this.offset > 0) return true;
    const exchange = await client.download(repository, commit, file, this.#rangeHeaders());
    try {
      this.#begin(exchange);
      for await (const chunk of exchange.chunks()) await this.#write(chunk);
    } finally {
      exchange.close();
    }
    if (exchange.response.status === 416) return false; // again, from the start
    if (this.#size === undefined || this.offset === this.#size) return true;
    throw new HubFailure("unreachable", `${file}: the download ended at byte ${this.offset} of ${this.#size}`);
  }

  #rangeHeaders(): Record<string, string> {
    if (this.offset === 0) return {};
    return { range: `bytes=${this.offset}-`, ...(this.#etag !== undefined && { "if-range": this.#etag }) };
  }

  /** Checks that what comes fits to what is there. */
  #begin({ response, url }: Exchange): void {
    const { file } = this.#transfer;
    const { headers, status } = response;
    if (status === 416) {
      if (this.offset === 0) throw notTheHub(url, "416 to a request for a whole file");
      this.#restart();
      return;
    }
    if (/^text\/html\b/.test(headers.get("content-type") ?? "") && !/\.html?$/.test(file))
      throw notTheHub(url, `with a web page instead of ${file}`);
    const etag = headers.get("etag");
    const isStrong = etag !== null && !etag.startsWith("W/");
    if (this.offset > 0 && (status !== 206 || (this.#etag !== undefined && etag !== null && etag !== this.#etag)))
      this.#restart(status === 206);
    this.#etag = isStrong ? etag : undefined;
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get("content-range") ?? "") ?? [];
    if (status === 206 && Number(start) !== this.offset)
      throw notTheHub(url, `from byte ${start ?? "none"} on when asked for ${this.offset}`);
    const isPlain = !headers.has("content-encoding") || headers.get("content-encoding") === "identity";
    const length = total ?? (status === 200 && isPlain ? headers.get("content-length") : null);
    const sent = length === null || length === undefined ? undefined : Number(length);
    if (sent !== undefined && this.#size !== undefined && sent !== this.#size)
      throw new HubFailure("wrong", `${file}: the hub announced ${this.#size} bytes and now gives ${sent}: ${CHANGED}`);
    this.#size ??= sent;
  }

  /** Throws what is there away; `mayRetry`: the answer at hand is of no use either. */
  #restart(mayRetry = false): void {
    this.offset = 0;
    this.#etag = undefined;
    this.#transfer.onBytes(0);
    if (mayRetry) throw new HubFailure("unreachable", `${this.#transfer.file}: ${CHANGED}`);
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (this.#size !== undefined && this.offset + chunk.length > this.#size)
      throw new HubFailure(
        "wrong",
        `${this.#transfer.file}: got more than the announced ${this.#size} bytes: ${CHANGED}`,
      );
    for (let done = 0; done < chunk.length; ) {
      const { bytesWritten } = await this.#handle.write(chunk, done, chunk.length - done, this.offset);
      done += bytesWritten;
      this.offset += bytesWritten;
    }
    this.#transfer.onBytes(this.offset);
  }
}

const CHANGED = "the file changed while it was downloaded, or a proxy cuts it; try again";

/** The fault of a downloaded file, in words; undefined: none, as far as its etag shows. */
async function faultOf(path: string, { etag, size }: FileMetadata): Promise<string | undefined> {
  const actual = (await stat(path)).size;
  if (size !== undefined && actual !== size) return `expected ${size} bytes, as announced; got ${actual}`;
  const algorithm = /^[0-9a-f]{64}$/.test(etag) ? "sha256" : /^[0-9a-f]{40}$/.test(etag) ? "sha1" : undefined;
  if (!algorithm) return undefined;
  const hash = createHash(algorithm);
  if (algorithm === "sha1") hash.update(`blob ${actual}\0`); // as git names its objects
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Uint8Array);
  const sum = hash.digest("hex");
  return sum === etag ? undefined : `expected the checksum ${etag}, as the hub says; got ${sum}`;
}
