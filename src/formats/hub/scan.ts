import { readdir, readFile, realpath, rm, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { CachedRepository, folderName, repositoryOf } from "./cache.ts";

/** One commit of a model in the cache. */
export interface CachedRevision {
  readonly commit: string;
  /** The branches and tags that stood for it when they were last looked up. */
  readonly refs: readonly string[];
  readonly path: string;
}

/** A model in the cache. */
export interface CachedModel {
  /** `owner/name` */
  readonly name: string;
  readonly path: string;
  /** The size of its files, partial downloads included; one that several revisions share counts once. */
  readonly bytes: number;
  readonly revisions: readonly CachedRevision[];
}

/** The models in the Hub cache, by name. */
export async function cachedModels(cacheDir: string): Promise<CachedModel[]> {
  const folders = await readdir(cacheDir).catch(() => []);
  const models: CachedModel[] = [];
  for (const folder of folders.sort()) {
    const repository = repositoryOf(folder);
    const model = repository && (await readModel(new CachedRepository(cacheDir, repository)));
    if (model) models.push(model);
  }
  return models;
}

async function readModel(cached: CachedRepository): Promise<CachedModel | undefined> {
  const commits = await readdir(join(cached.folder, "snapshots")).catch(() => []);
  const refs = await readRefs(cached);
  const revisions = commits.sort().map((commit) => ({
    commit,
    refs: refs.filter(([, target]) => target === commit).map(([name]) => name),
    path: cached.snapshot(commit),
  }));
  const files = await realFiles(cached.folder);
  if (files.size === 0) return undefined;
  return { name: cached.repository, path: cached.folder, bytes: sum(files.values()), revisions };
}

async function readRefs(cached: CachedRepository): Promise<[name: string, commit: string][]> {
  const root = join(cached.folder, "refs");
  const names = await readdir(root, { recursive: true }).catch(() => []);
  const refs: [string, string][] = [];
  for (const name of names.sort()) {
    const commit = await readFile(join(root, name), "utf8").catch(() => undefined); // a folder: refs/pr
    if (commit !== undefined) refs.push([name.replaceAll("\\", "/"), commit.trim()]);
  }
  return refs;
}

/** The files of a folder by where they really lie, with their sizes; links whose blob is gone are left out. */
async function realFiles(root: string): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const name of await readdir(root, { recursive: true }).catch(() => [])) {
    const path = await realpath(join(root, name)).catch(() => undefined);
    const found = path === undefined ? undefined : await stat(path);
    if (path !== undefined && found?.isFile()) sizes.set(path, found.size);
  }
  return sizes;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/**
 * Removes a model from the cache, or one commit of it with what no other commit uses. What names files goes before
 * the files, so that half a removal is never taken for a model. What lies outside the model's folder stays: Python keeps
 * there what models share.
 *
 * @returns how many bytes that freed
 */
export async function removeCached(cacheDir: string, model: CachedModel, commit?: string): Promise<number> {
  const cached = new CachedRepository(cacheDir, model.name);
  const going = model.revisions.filter((revision) => commit === undefined || revision.commit === commit);
  const staying = model.revisions.filter((revision) => !going.includes(revision));
  const own = new Map<string, number>();
  const folders = staying.length > 0 ? going.map(({ path }) => path) : [cached.folder];
  for (const folder of folders) for (const [path, size] of await realFiles(folder)) own.set(path, size);
  for (const { path } of staying) for (const file of (await realFiles(path)).keys()) own.delete(file);
  const inside = `${await realpath(cached.folder)}${sep}`;
  for (const path of [...own.keys()]) if (!path.startsWith(inside)) own.delete(path);
  for (const { commit, refs, path } of going) {
    for (const ref of refs) await rm(join(cached.folder, "refs", ref), { force: true });
    await rm(path, { recursive: true, force: true });
    await rm(join(cached.folder, ".no_exist", commit), { recursive: true, force: true });
  }
  for (const path of own.keys()) await rm(path, { force: true });
  if (staying.length > 0) return sum(own.values());
  await rm(cached.folder, { recursive: true, force: true });
  await rm(join(cacheDir, ".locks", folderName(model.name)), { recursive: true, force: true });
  return sum(own.values());
}
