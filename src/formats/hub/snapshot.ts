import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LecternError, throwIfAborted } from "../../common/index.ts";
import { makeFolder, withLock } from "../../files/node.ts";
import { shardsOf } from "../checkpoint.ts";
import { CachedRepository, isCommit } from "./cache.ts";
import { type Choice, chooseFiles, INDEX } from "./choose.ts";
import { HubClient, type Listing, mayUseCache } from "./client.ts";
import { checkRoom } from "./disk.ts";
import type { HubId } from "./hub-id.ts";
import type { LocateOptions, ProgressEvent } from "./options.ts";
import { type HubSettings, readSettings } from "./settings.ts";
import { downloadBlob } from "./transfer.ts";

/** So many files are downloaded at once. */
const AT_ONCE = 4;

/**
 * The folder, or the GGUF file, of a Hub model: from the cache, with what is missing downloaded into it.
 *
 * @throws code `hub` where the hub does not give it, `file` where the cache cannot be written
 */
export async function openSnapshot(id: HubId, options: LocateOptions): Promise<string> {
  const settings = readSettings(options);
  try {
    return await locate(id, settings, options);
  } catch (cause) {
    if (cause instanceof LecternError || !(cause instanceof Error && "syscall" in cause)) throw cause;
    const what = `the cache ${settings.cacheDir} cannot be written: ${cause.message}`;
    throw new LecternError("file", `${what}; name another place with HF_HOME or cacheDir`, { cause });
  }
}

async function locate(id: HubId, settings: HubSettings, options: LocateOptions): Promise<string> {
  const revision = options.revision ?? id.revision ?? "main";
  const cached = new CachedRepository(settings.cacheDir, id.repository);
  const own = await readCached(cached, id, revision, options);
  if (settings.offline) return own.path ?? missing(cached, revision, own.lacks);
  if (own.path !== undefined && own.isComplete && isCommit(revision)) return own.path; // a commit never changes
  const client = new HubClient(settings, options.signal);
  const listing = await client.list(id.repository, revision, own.path === undefined ? undefined : 1).catch((error) => {
    if (own.path === undefined || !mayUseCache(error)) throw error;
    warn(options, `${error.message}; using what the cache has of ${id.repository}`);
    return undefined;
  });
  if (!listing) return own.path as string;
  const choice = await new Download({ client, settings, cached, options }, id, listing).run();
  await cached.setCommit(revision, listing.commit);
  return pathOf(cached, listing.commit, choice);
}

function pathOf(cached: CachedRepository, commit: string, { file }: Choice): string {
  return file === undefined ? cached.snapshot(commit) : join(cached.snapshot(commit), file);
}

interface Found {
  readonly path?: string;
  readonly lacks: string;
  /** True if it is known that the hub has no more of what may be needed. */
  readonly isComplete: boolean;
}

/** The state of a revision in the cache: its place where it is complete, else what it lacks. */
async function readCached(
  cached: CachedRepository,
  id: HubId,
  revision: string,
  { need = "model" }: LocateOptions,
): Promise<Found> {
  const commit = await cached.commitOf(revision);
  if (commit === undefined) return { lacks: "the model", isComplete: false };
  const files = await cached.filesOf(commit);
  try {
    const choice = chooseFiles(id, [...files.keys()], need);
    const shards = await shardsIn(cached.snapshot(commit), choice);
    const lacking = shards.find((shard) => !files.has(shard));
    if (lacking !== undefined) return { lacks: lacking, isComplete: false };
    const isComplete = await cached.isAbsent(commit, choice.absent);
    return { path: pathOf(cached, commit, choice), lacks: "", isComplete };
  } catch (error) {
    if (!(error instanceof LecternError)) throw error;
    return { lacks: `what it needs: ${error.message}`, isComplete: false };
  }
}

function missing({ cacheDir, repository }: CachedRepository, revision: string, lacks: string): never {
  throw new LecternError(
    "hub",
    `offline: of ${repository}@${revision} the cache ${cacheDir} lacks ${lacks}; download it once without --offline and HF_HUB_OFFLINE`,
  );
}

async function shardsIn(folder: string, { files }: Choice): Promise<string[]> {
  if (!files.includes(INDEX)) return [];
  return shardsOf(INDEX, await readFile(join(folder, INDEX), "utf8"));
}

function warn({ onWarning }: LocateOptions, message: string): void {
  if (onWarning) onWarning(message);
  else process.emitWarning(message, "LecternWarning");
}

interface Tools {
  readonly client: HubClient;
  readonly settings: HubSettings;
  readonly cached: CachedRepository;
  readonly options: LocateOptions;
}

/** The download of what a model needs, at one commit. */
class Download {
  readonly #tools: Tools;
  readonly #id: HubId;
  readonly #listing: Listing;

  constructor(tools: Tools, id: HubId, listing: Listing) {
    this.#tools = tools;
    this.#id = id;
    this.#listing = listing;
  }

  async run(): Promise<Choice> {
    const { cached, options } = this.#tools;
    const { commit, files: listed } = this.#listing;
    const { need = "model" } = options;
    const choice = chooseFiles(this.#id, [...listed.keys()], need);
    const there = await cached.filesOf(commit);
    const isThere = (file: string): boolean => {
      const [size, expected] = [there.get(file), listed.get(file)];
      return size !== undefined && (expected === undefined || size === expected);
    };
    const first = choice.files.filter((file) => !isThere(file));
    if (first.length > 0) await cached.prepare();
    await this.#checkRoom(first);
    await this.#fetchAll(first);
    const shards = (await shardsIn(cached.snapshot(commit), choice)).filter((file) => !isThere(file));
    const unlisted = shards.find((shard) => !listed.has(shard));
    if (unlisted !== undefined)
      throw new LecternError("file", `${cached.repository}: ${INDEX} names ${unlisted}, which the hub does not have`);
    await this.#checkRoom(shards);
    await this.#fetchAll(shards);
    await cached.setAbsent(commit, choice.absent);
    return choice;
  }

  async #checkRoom(files: readonly string[]): Promise<void> {
    const bytes = files.reduce((sum, file) => sum + (this.#listing.files.get(file) ?? 0), 0);
    if (bytes > 0) await checkRoom(dirname(this.#tools.cached.blob("any")), bytes);
  }

  /** Several at a time; the first that fails ends the others. */
  async #fetchAll(files: readonly string[]): Promise<void> {
    const stop = new AbortController();
    const { signal } = this.#tools.options;
    const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
    const client = new HubClient(this.#tools.settings, either);
    const waiting = [...files];
    let failure: unknown;
    const worker = async (): Promise<void> => {
      for (let file = waiting.shift(); file !== undefined && failure === undefined; file = waiting.shift())
        try {
          await this.#fetch(file, client, either);
        } catch (error) {
          failure ??= error;
          stop.abort();
        }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    if (failure !== undefined) throw failure;
    throwIfAborted(signal);
  }

  async #fetch(file: string, client: HubClient, signal: AbortSignal): Promise<void> {
    const { cached, settings } = this.#tools;
    const { commit, files } = this.#listing;
    throwIfAborted(signal);
    const metadata = await client.metadata(cached.repository, commit, file);
    const size = metadata.size ?? files.get(file);
    const blob = cached.blob(metadata.etag);
    const report = this.#reporter(file, size);
    await makeFolder(dirname(blob));
    if (!(await isWhole(blob, size)))
      await withLock(cached.lock(metadata.etag), signal, async () => {
        if (await isWhole(blob, size)) return; // by another process, in the meantime
        report("initiate", 0);
        await downloadBlob({
          client,
          repository: cached.repository,
          commit,
          file,
          metadata: { etag: metadata.etag, size },
          blob,
          signal,
          onBytes: (loaded) => report("progress", loaded),
        });
      });
    await cached.link(commit, file, metadata.etag, settings.symlinks);
    report("done", size ?? (await stat(blob)).size);
  }

  #reporter(file: string, size: number | undefined): (status: ProgressEvent["status"], loaded: number) => void {
    const { onProgress } = this.#tools.options;
    const { repository: name } = this.#id;
    return (status, loaded) => {
      const total = size ?? loaded;
      onProgress?.({ status, name, file, loaded, total, progress: total > 0 ? (100 * loaded) / total : 100 });
    };
  }
}

async function isWhole(path: string, size: number | undefined): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && (size === undefined || found.size === size);
}
