import { readdir, readFile, realpath, rm, stat } from "node:fs/promises";
import { join } from "node:path";
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
  /** What its blobs take; one that several revisions share counts once. */
  readonly bytes: number;
  readonly revisions: readonly CachedRevision[];
}

/** The models of the hub's cache, by name. */
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
  if (commits.length === 0) return undefined;
  const refs = await readRefs(cached);
  const revisions = commits.sort().map((commit) => ({
    commit,
    refs: refs.filter(([, target]) => target === commit).map(([name]) => name),
    path: cached.snapshot(commit),
  }));
  const sizes = new Map<string, number>();
  for (const commit of commits)
    for (const path of await realFiles(cached.snapshot(commit))) sizes.set(path, (await stat(path)).size);
  const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  return { name: cached.repository, path: cached.folder, bytes, revisions };
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

/** Where the files of a folder really lie; links whose blob is gone are left out. */
async function realFiles(root: string): Promise<string[]> {
  const paths: string[] = [];
  for (const name of await readdir(root, { recursive: true }).catch(() => [])) {
    const path = await realpath(join(root, name)).catch(() => undefined);
    if (path !== undefined && (await stat(path)).isFile()) paths.push(path);
  }
  return paths;
}

/**
 * Removes a model from the cache, or one commit of it with what no other commit uses. What names files goes before
 * the files, so that half a removal is never taken for a model.
 *
 * @returns how many bytes that freed
 */
export async function removeCached(cacheDir: string, model: CachedModel, commit?: string): Promise<number> {
  const cached = new CachedRepository(cacheDir, model.name);
  const going = model.revisions.filter((revision) => commit === undefined || revision.commit === commit);
  const staying = model.revisions.filter((revision) => !going.includes(revision));
  const own = new Set((await Promise.all(going.map(({ path }) => realFiles(path)))).flat());
  for (const { path } of staying) for (const file of await realFiles(path)) own.delete(file);
  for (const { commit, refs, path } of going) {
    for (const ref of refs) await rm(join(cached.folder, "refs", ref), { force: true });
    await rm(path, { recursive: true, force: true });
    await rm(join(cached.folder, ".no_exist", commit), { recursive: true, force: true });
  }
  const inside = await realpath(cached.folder);
  let freed = 0;
  for (const path of own) {
    const found = await stat(path).catch(() => undefined);
    if (!path.startsWith(inside) || !found) continue; // a blob that models share, or a copy that is gone already
    freed += found.size;
    await rm(path, { force: true });
  }
  if (staying.length > 0) return freed;
  await rm(cached.folder, { recursive: true, force: true });
  await rm(join(cacheDir, ".locks", folderName(model.name)), { recursive: true, force: true });
  return freed;
}
