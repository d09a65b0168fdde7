import { createHash } from "node:crypto";
import { mkdir, open, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { LecternError } from "../common/index.ts";
import type { DerivedFile } from "./file-source.ts";
import { writeByPart } from "./part-files.ts";
import { DIGEST_BYTES, digestOf, SampledDigest } from "./sampled-digest-node.ts";

/** The folder of derived weights: below `LECTERN_CACHE`, else below the user's cache folder. */
export function derivedFolder(
  { LECTERN_CACHE: own, XDG_CACHE_HOME: shared }: Readonly<Record<string, string | undefined>> = process.env,
): string {
  return resolve(own || join(shared || join(homedir(), ".cache"), "lectern"), "derived");
}

/**
 * Writes what was made of a file once; it is found again as long as the file is the same. A digest after the bytes
 * detects damage; a damaged file is written again.
 */
export async function derivedFile({ source, besides = [], recipe, size, pieces }: DerivedFile): Promise<string> {
  const state = async (path: string): Promise<string[]> => {
    const { mtimeNs, ctimeNs, size: length } = await stat(path, { bigint: true });
    return [path, String(mtimeNs), String(ctimeNs), String(length)];
  };
  const others = await Promise.all(besides.map(state));
  const identity = JSON.stringify([...(await state(source)), recipe, size, ...others.flat()]);
  const folder = derivedFolder();
  const path = join(folder, `${createHash("sha256").update(identity).digest("hex").slice(0, 32)}.bin`);
  if (await isWhole(path, size)) return path;
  await mkdir(folder, { recursive: true }).catch((cause) => fail(folder, size, cause));
  try {
    await writeByPart(path, withDigest(pieces(), size));
  } catch (cause) {
    if (cause instanceof LecternError) throw cause;
    fail(folder, size, cause);
  }
  return path;
}

/** Bytes and, behind them, their digest. */
async function* withDigest(pieces: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  const digest = new SampledDigest(size);
  for await (const piece of pieces) {
    digest.update(piece);
    yield piece;
  }
  yield digest.digest();
}

/** True if a derived file is there and holds what was written. */
async function isWhole(path: string, size: number): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (!file) return false;
  try {
    if ((await file.stat()).size !== size + DIGEST_BYTES) return false;
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
    `derived weights (${Math.ceil(size / 2 ** 20)} MiB) cannot be written to ${folder}: ${(cause as Error).message}; make room, or set LECTERN_CACHE to another folder`,
    { cause },
  );
}
