import { randomBytes } from "node:crypto";
import { readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { makeFolder } from "./make-folder.ts";
import { isAlive } from "./part-files.ts";
import { pause } from "./pause.ts";

/** In milliseconds: how often a holder shows that it lives, how long it is believed, how often others look. */
const BEAT = 3_000;
const BELIEVED = 30_000;
const LOOK = 200;

interface Holder {
  readonly host: string;
  readonly pid: number;
  readonly mark: string;
}

/**
 * Does something while no other process does the same. Python locks `<etag>.lock` with flock(2), which Node cannot;
 * so there is a file of our own beside it, which is there while someone works, and Python's lock is waited for where
 * Linux tells of it. Nothing may depend on it but work that would be done twice: a process that was held up for long
 * can lose its lock.
 *
 * @param path where Python's lock lies: `.locks/models--owner--name/<etag>.lock`
 */
export async function withLock<T>(path: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const own = path.replace(/\.lock$/, ".lectern.lock");
  const mark = randomBytes(8).toString("hex");
  await makeFolder(dirname(path));
  while (!(await tryLock(own, mark))) await pause(LOOK, signal);
  return holding(own, mark, async () => {
    while (await isLockedByPython(path)) await pause(LOOK, signal);
    return work();
  });
}

/**
 * Does something unless another process is at it.
 * @param path of the lock, which is there as long as the work goes on
 * @param refusal what is thrown where process `pid` holds it
 */
export async function withOnlyLock<T>(
  path: string,
  refusal: (pid: number | undefined) => Error,
  work: () => Promise<T>,
): Promise<T> {
  const mark = randomBytes(8).toString("hex");
  const isOurs = (await tryLock(path, mark)) || (await tryLock(path, mark)); // the first removes an abandoned one
  if (!isOurs) throw refusal((await readHolder(path))?.pid);
  return holding(path, mark, work);
}

/** Shows that the holder lives until the work is done. */
async function holding<T>(path: string, mark: string, work: () => Promise<T>): Promise<T> {
  const beat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {}); // taken away: the work goes on, see above
  }, BEAT);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    const holder = await readHolder(path);
    if (holder?.mark === mark) await rm(path, { force: true });
  }
}

async function tryLock(path: string, mark: string): Promise<boolean> {
  const holder: Holder = { host: hostname(), pid: process.pid, mark };
  try {
    await writeFile(path, JSON.stringify(holder), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  if (await isAbandoned(path)) {
    // Renamed first: of several that find it abandoned, one gets it.
    const aside = `${path}.${mark}`;
    await rename(path, aside).catch(() => {});
    await rm(aside, { force: true });
  }
  return false;
}

/** True if a process holds the lock of {@link withLock}, or Python's. */
export async function isBusy(path: string): Promise<boolean> {
  const own = path.replace(/\.lock$/, ".lectern.lock");
  const isHeld = (await stat(own).catch(() => undefined)) !== undefined && !(await isAbandoned(own));
  return isHeld || (await isLockedByPython(path));
}

async function isAbandoned(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return false;
  if (Date.now() - found.mtimeMs > BELIEVED) return true;
  const holder = await readHolder(path);
  return holder?.host === hostname() && !isAlive(holder.pid);
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Holder;
  } catch {
    return undefined; // gone, or just being written
  }
}

/** True if a process holds flock(2) on a file; Linux lists such locks by device and inode. */
export async function isLockedByPython(path: string): Promise<boolean> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  const locks = found && (await readFile("/proc/locks", "utf8").catch(() => undefined));
  if (!found || !locks) return false;
  const major = Number((found.dev >> 8n) & 0xfffn);
  const minor = Number((found.dev & 0xffn) | ((found.dev >> 12n) & 0xfff00n));
  const hex = (value: number): string => value.toString(16).padStart(2, "0");
  const place = `${hex(major)}:${hex(minor)}:${found.ino}`;
  return locks
    .split("\n")
    .some((line) => /\bFLOCK\b/.test(line) && !line.includes("->") && line.includes(` ${place} `));
}
