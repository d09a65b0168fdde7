import { createHash } from "node:crypto";
import { open, rm, stat, statfs } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { LecternError, throwIfAborted } from "../common/index.ts";
import type { DerivedFile } from "./file-source.ts";
import { withLock } from "./lock.ts";
import { makeFolder } from "./make-folder.ts";
import { writeByPart } from "./part-files.ts";
import { DIGEST_BYTES, digestOf, SampledDigest } from "./sampled-digest-node.ts";

/** The folder of derived weights: below `LECTERN_CACHE`, else below the user's cache folder. */
export function derivedFolder(
  { LECTERN_CACHE: own, XDG_CACHE_HOME: shared }: Readonly<Record<string, string | undefined>> = process.env,
): string {
  return resolve(own || join(shared || join(homedir(), ".cache"), "lectern"), "derived");
}

/**
 * Writes what was made of a file once; it is found again as long as the file is the same. A damaged file is written
 * again. While a process writes it, others that need the same wait.
 *
 * @throws code `file` where there is no room or no right to write; nothing is left behind then
 */
export async function derivedFile({
  source,
  besides = [],
  recipe,
  size,
  pieces,
  signal,
}: DerivedFile): Promise<string> {
  const state = async (path: string): Promise<string[]> => {
    const { mtimeNs, ctimeNs, size: length } = await stat(path, { bigint: true });
    return [path, String(mtimeNs), String(ctimeNs), String(length)];
  };
  const others = await Promise.all(besides.map(state));
  const identity = JSON.stringify([...(await state(source)), recipe, size, ...others.flat()]);
  const folder = derivedFolder();
  const path = join(folder, `${createHash("sha256").update(identity).digest("hex").slice(0, 32)}.bin`);
  if (await isWhole(path, size)) return path;
  try {
    await makeFolder(folder);
    await withLock(`${path}.lock`, signal, async () => {
      if (await isWhole(path, size)) return; // written by another process, in the meantime
      await rm(path, { force: true });
      await checkRoom(folder, size);
      await writeByPart(path, withDigest(pieces(), size, signal), (file) => file.utimes(new Date(), wholeSecond()));
    });
  } catch (cause) {
    if (cause instanceof LecternError) throw cause;
    fail(folder, size, cause);
  }
  return path;
}

/** Refuses what does not fit on the disk, before it is made. */
async function checkRoom(folder: string, size: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const missing = size - bavail * bsize;
  if (missing > 0) fail(folder, size, new Error(`the disk lacks ${mebibytes(missing)} MiB`));
}

/** The time that a file is said to have been changed at: any later change of it leaves a fraction of a second. */
function wholeSecond(): Date {
  return new Date(Math.floor(Date.now() / 1000) * 1000);
}

const mebibytes = (bytes: number): number => Math.ceil(bytes / 2 ** 20);

/** Bytes and, behind them, their digest. */
async function* withDigest(
  pieces: AsyncIterable<Uint8Array>,
  size: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const digest = new SampledDigest(size);
  for await (const piece of pieces) {
    throwIfAborted(signal);
    digest.update(piece);
    yield piece;
  }
  yield digest.digest();
}

/** True if a derived file is there and holds what was written: nothing wrote to it later, and a sample of it is right. */
async function isWhole(path: string, size: number): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (!file) return false;
  try {
    const { size: length, mtimeMs } = await file.stat();
    if (length !== size + DIGEST_BYTES || mtimeMs % 1000 !== 0) return false;
    const written = new Uint8Array(DIGEST_BYTES);
    await file.read(written, 0, DIGEST_BYTES, size);
    return Buffer.compare(written, await digestOf(file, size)) === 0;
  } finally {
    await file.close();
  }
}

function fail(folder: string, size: number, cause: unknown): never {
  throw new LecternError(
    "file",
    `derived weights (${mebibytes(size)} MiB) cannot be written to ${folder}: ${(cause as Error).message}; make room, or set LECTERN_CACHE to another folder`,
    { cause },
  );
}
