import { copyFile, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { makeFolder, partPath, removeDeadParts } from "../../files/node.ts";

/** The tag by which backup programs know a cache (https://bford.info/cachedir/), in huggingface_hub's words. */
const CACHE_TAG = [
  "Signature: 8a477f597d28d172789f06886806bc55",
  "# This file is a cache directory tag created by huggingface_hub.",
  "# For information about cache directory tags, see:",
  "#\thttps://bford.info/cachedir/",
  "",
].join("\n");

/** One model's folder in the cache that huggingface_hub shares: blobs by etag, and links to them by commit and name. */
export class CachedRepository {
  readonly cacheDir: string;
  readonly repository: string;

  constructor(cacheDir: string, repository: string) {
    this.cacheDir = cacheDir;
    this.repository = repository;
  }

  get folder(): string {
    return join(this.cacheDir, folderName(this.repository));
  }

  blob(etag: string): string {
    return join(this.folder, "blobs", etag);
  }

  lock(etag: string): string {
    return join(this.cacheDir, ".locks", folderName(this.repository), `${etag}.lock`);
  }

  snapshot(commit: string): string {
    return join(this.folder, "snapshots", commit);
  }

  /** The commit that a revision stood for when it was last looked up; a commit stands for itself. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const text = await readFile(join(this.folder, "refs", revision), "utf8").catch(() => undefined);
    const commit = text?.trim();
    return commit !== undefined && /^\w+$/.test(commit) ? commit : undefined;
  }

  async setCommit(revision: string, commit: string): Promise<void> {
    if (revision === commit) return;
    const path = join(this.folder, "refs", revision);
    if ((await readFile(path, "utf8").catch(() => undefined)) === commit) return;
    const beside = partPath(path);
    try {
      await makeFolder(dirname(path));
      await removeDeadParts(dirname(path));
      await writeFile(beside, commit);
      await rename(beside, path);
    } catch (error) {
      ignoreReadOnly(error);
    }
  }

  /** Remembers, as Python does, that a commit lacks files; a cache that is read-only does without. */
  async setAbsent(commit: string, files: readonly string[]): Promise<void> {
    if (await this.isAbsent(commit, files)) return;
    const folder = join(this.folder, ".no_exist", commit);
    await makeFolder(folder).catch(ignoreReadOnly);
    for (const file of files) await writeFile(join(folder, file), "", { flag: "a" }).catch(ignoreReadOnly);
  }

  /** True if it is remembered of all these files that a commit lacks them. */
  async isAbsent(commit: string, files: readonly string[]): Promise<boolean> {
    const folder = join(this.folder, ".no_exist", commit);
    const known = new Set(await readdir(folder, { recursive: true }).catch(() => []));
    return files.every((file) => known.has(file));
  }

  /** The files of a snapshot that are there with all their bytes, with their sizes. */
  async filesOf(commit: string): Promise<Map<string, number>> {
    const root = this.snapshot(commit);
    const files = new Map<string, number>();
    const entries = await readdir(root, { recursive: true }).catch(() => []);
    for (const name of entries) {
      const found = await stat(join(root, name)).catch(() => undefined); // a link without its blob is no file
      if (found?.isFile()) files.set(name.replaceAll("\\", "/"), found.size);
    }
    return files;
  }

  /** Makes the folders for blobs, and tags the cache. */
  async prepare(): Promise<void> {
    await makeFolder(join(this.folder, "blobs"));
    await writeFile(join(this.cacheDir, "CACHEDIR.TAG"), CACHE_TAG, { flag: "wx" }).catch(() => {}); // there already
  }

  /** Gives a blob its name in a snapshot: a relative link, or a copy where links are not permitted. */
  async link(commit: string, file: string, etag: string, symlinks: boolean): Promise<void> {
    const path = join(this.snapshot(commit), file);
    const blob = this.blob(etag);
    await makeFolder(dirname(path));
    await removeDeadParts(dirname(path));
    const target = relative(dirname(path), blob);
    if ((await readlink(path).catch(() => undefined)) === target) return;
    const beside = partPath(path);
    try {
      if (!symlinks || !(await linked(target, beside))) await copyFile(blob, beside);
      await rename(beside, path);
    } catch (error) {
      await rm(beside, { force: true });
      throw error;
    }
  }
}

async function linked(target: string, path: string): Promise<boolean> {
  try {
    await symlink(target, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (["EPERM", "EACCES", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EINVAL", "UNKNOWN"].includes(code ?? "")) return false;
    throw error;
  }
}

function ignoreReadOnly(error: unknown): void {
  if (!["EROFS", "EACCES", "EPERM", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
}

export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** `models--owner--name` */
export function folderName(repository: string): string {
  return `models--${repository.replaceAll("/", "--")}`;
}

/** The model that a folder of the cache holds; undefined for data sets, spaces and what else lies there. */
export function repositoryOf(folder: string): string | undefined {
  const [kind, ...parts] = folder.split("--");
  return kind === "models" && parts.length > 0 && parts.length <= 2 ? parts.join("/") : undefined;
}
