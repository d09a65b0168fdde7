import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { derivedFolder, isBusy, isDead, isPart } from "../files/node.ts";
import { readSettings, repositoryOf } from "../formats/hub/node.ts";
import type { Terminal } from "./terminal.ts";

/** A file that Lectern made in a cache. */
export interface CacheEntry {
  /** derived: weights made of a model's; unfinished: such a file half written; download: a file of a Hub model half fetched */
  readonly kind: "derived" | "unfinished" | "download";
  readonly path: string;
  readonly bytes: number;
  /** The time of its last change, in ISO 8601. */
  readonly modified: string;
  /** True while a process is writing the file. */
  readonly inUse: boolean;
}

export const derivedDirectory = derivedFolder;

/** Everything in the caches that can be made or fetched again. */
export async function cacheEntries(env: Terminal["env"]): Promise<CacheEntry[]> {
  return [...(await derivedEntries(derivedFolder(env))), ...(await downloadEntries(readSettings({ env }).cacheDir))];
}

/** Removes files, and returns those that were there. */
export async function removeEntries(entries: readonly CacheEntry[]): Promise<CacheEntry[]> {
  const removed: CacheEntry[] = [];
  for (const entry of entries)
    await rm(entry.path).then(
      () => removed.push(entry),
      (error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error;
      },
    );
  return removed;
}

/** `HASH.bin`, and beside it a part while a process writes it. */
async function derivedEntries(folder: string): Promise<CacheEntry[]> {
  const entries: CacheEntry[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    if (!/^[0-9a-f]{32}\.bin(\.|$)/.test(name) || !(name.endsWith(".bin") || isPart(name))) continue;
    const path = join(folder, name);
    const isWritten = isPart(name) && !(await isDead(name, path));
    entries.push(...(await entryOf(path, isPart(name) ? "unfinished" : "derived", isWritten)));
  }
  return entries;
}

/** `blobs/ETAG.lectern-RANDOM.incomplete`; huggingface_hub's own unfinished files are left to it. */
async function downloadEntries(cacheDir: string): Promise<CacheEntry[]> {
  const entries: CacheEntry[] = [];
  for (const folder of await readdir(cacheDir).catch(() => [])) {
    if (repositoryOf(folder) === undefined) continue;
    const blobs = join(cacheDir, folder, "blobs");
    for (const name of await readdir(blobs).catch(() => [])) {
      const [, etag] = /^(.*)\.lectern-[0-9a-f]+\.incomplete$/.exec(name) ?? [];
      if (etag === undefined) continue;
      const isWritten = await isBusy(join(cacheDir, ".locks", folder, `${etag}.lock`));
      entries.push(...(await entryOf(join(blobs, name), "download", isWritten)));
    }
  }
  return entries;
}

async function entryOf(path: string, kind: CacheEntry["kind"], inUse: boolean): Promise<CacheEntry[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return [];
  return [{ kind, path, bytes: found.size, modified: found.mtime.toISOString(), inUse }];
}
