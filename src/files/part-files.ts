import { createHash } from "node:crypto";
import { type FileHandle, open, readdir, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";

/**
 * Files that are written beside their place and then renamed. The name says who writes, so that what a killed process
 * left can be told from what another one is writing: `model.safetensors.9f3c1a2b-4711-m1k2j3-0.part`, of a machine, a
 * process, the time at which it began, and a number.
 */
const PART = /\.([0-9a-f]{8})-(\d+)-([0-9a-z]+)-(\d+)\.part$/;

/** Of a machine that cannot be asked, what nobody has written to for so long is left over. */
const LONGEST_SILENCE = 24 * 3600_000;

const host = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
const life = Math.round(performance.timeOrigin).toString(36);
let count = 0;

/** A name beside `path` that no other process or call uses. */
export function partPath(path: string): string {
  return `${path}.${host}-${process.pid}-${life}-${count++}.part`;
}

/** Removes the parts in a directory whose writers are gone; what cannot be removed stays. */
export async function removeDeadParts(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    const path = join(directory, name);
    if (await isDead(name, path)) await rm(path, { force: true }).catch(() => {});
  }
}

/** True if a name is that of an unfinished file. */
export function isPart(name: string): boolean {
  return PART.test(name);
}

/** True if the writer of an unfinished file is gone. */
export async function isDead(name: string, path: string): Promise<boolean> {
  const [, machine, process_, began] = PART.exec(name) ?? [];
  if (machine === undefined) return false;
  const pid = Number(process_);
  if (machine === host && pid === process.pid) return began !== life; // an earlier process of the same number
  if (machine === host && !isAlive(pid)) return true;
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > LONGEST_SILENCE;
}

/** True if there is a process of this id. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Writes a file whole or not at all, and removes what dead processes left beside it.
 * @param finish what is done with the file once all is written, before it gets its name
 */
export async function writeByPart(
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  finish?: (file: FileHandle) => Promise<void>,
): Promise<void> {
  await removeDeadParts(dirname(path));
  const part = partPath(path);
  try {
    const handle = await open(part, "wx");
    try {
      for await (const piece of pieces) await handle.writeFile(piece);
      await handle.sync();
      await finish?.(handle);
    } finally {
      await handle.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}
