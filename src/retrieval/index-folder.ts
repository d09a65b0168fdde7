import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { check, checkFields, LecternError, type Rules, rules, throwIfAborted } from "../common/index.ts";
import { withOnlyLock } from "../files/index.ts";
import { chunksOf, LONGEST_HEADING } from "./chunks.ts";
import type { Encoder } from "./encoder.ts";
import { checkFolder, type FolderFile, type FolderOptions, filesOf, type SkippedFile } from "./folder-files.ts";
import {
  type IndexContent,
  type IndexedFile,
  type Passage,
  readIndex,
  searchedText,
  writeIndex,
} from "./index-file.ts";
import { nearestOf } from "./nearest.ts";
import { thresholdOf, unrelatedQuestions } from "./unrelated.ts";
import { termsOf } from "./words.ts";

/** The name of a folder's own index. */
export const INDEX_NAME = ".lectern-index";

/** Options of `indexFolder`. */
export interface IndexOptions extends FolderOptions {
  /** The encoder of passages; without one, the index holds texts alone, which BM25 searches. */
  readonly encoder?: Encoder | undefined;
  /** The index to write; default `.lectern-index` in the folder. */
  readonly file?: string | undefined;
  /** The largest number of tokens of a passage; default 160, or what the encoder reads where that is less. Words without an encoder. */
  readonly size?: number | undefined;
  /** Tokens at most that a passage repeats of the one before it; default a fifth of `size`. */
  readonly overlap?: number | undefined;
  /** True if files that did not change are encoded again, too; default false. */
  readonly fresh?: boolean | undefined;
  /** Called after each file that is encoded. */
  readonly onProgress?: ((progress: IndexProgress) => void) | undefined;
  /** Ends the indexing; the index that was there stays. */
  readonly signal?: AbortSignal | undefined;
}

const optionRules: Rules = {
  extensions: rules.texts,
  exclude: rules.texts,
  encoder: rules.object,
  file: rules.name,
  size: rules.count,
  overlap: rules.size,
  fresh: rules.flag,
  onProgress: rules.function,
  signal: rules.signal,
};

/** The work of `indexFolder` so far. */
export interface IndexProgress {
  /** The file that is done. */
  readonly file: string;
  /** Passages of files that are done, unchanged ones included. */
  readonly passages: number;
}

/** The outcome of `indexFolder`. */
export interface IndexReport {
  /** The path of the index. */
  readonly path: string;
  /** The number of files in the index. */
  readonly files: number;
  /** The number of passages in the index. */
  readonly passages: number;
  /** Files whose passages were taken over from the index that was there. */
  readonly unchanged: number;
  /** Files of the earlier index that are gone. */
  readonly removed: number;
  /** The reason for which nothing of an earlier index could be taken over; undefined where it could. */
  readonly rebuilt?: string | undefined;
  /** Files that were left out, with the reason. */
  readonly skipped: readonly SkippedFile[];
}

const SIZE = 160;

/** Passages that are encoded at once. */
const BATCH = 64;

/** More passages, and the header grows beyond what one text of JavaScript holds. */
const MOST_PASSAGES = 500_000;

/**
 * Indexes the text files below a folder, in one file that is replaced whole. Files that are as they were in an earlier index
 * with the same encoder and the same sizes are not encoded again.
 *
 * @throws LecternError with code `file` where the folder cannot be read, holds no text, or another process indexes it, and
 * where the earlier index is damaged
 */
export async function indexFolder(folder: string, options: IndexOptions = {}): Promise<IndexReport> {
  checkFields("indexFolder", options, optionRules);
  const { encoder, file = join(folder, INDEX_NAME) } = options;
  const most = encoder ? encoder.passageTokens - LONGEST_HEADING : Number.POSITIVE_INFINITY;
  const { size = Math.min(SIZE, most) } = options;
  check(
    size <= most,
    "usage",
    () => `indexFolder: size ${size} is more than the ${most} tokens that the encoder reads beside headings`,
  );
  const { overlap = Math.floor(size / 5) } = options;
  check(overlap < size, "usage", () => `indexFolder: overlap ${overlap} must be less than the size ${size}`);
  const path = resolve(file);
  await checkFolder(folder);
  const refusal = (pid: number | undefined): Error =>
    new LecternError("file", `${file} is being written by process ${pid ?? "unknown"}: wait for it`);
  return withLock(path, refusal, async () => {
    const skipped: SkippedFile[] = [];
    const chunks = { size, overlap };
    const earlier = await earlierOf(path, { encoder, chunks }, options.fresh ?? false);
    const draft = new Draft(earlier.content, { chunks, encoder }, options);
    const excluded = { ...options, exclude: [...(options.exclude ?? []), basename(path)] };
    for await (const each of filesOf(folder, excluded, (entry) => skipped.push(entry))) await draft.add(each);
    check(draft.passages.length > 0, "file", () => nothingIn(folder, options, skipped));
    const { files, passages, vectors, unchanged } = draft;
    const threshold = encoder && thresholdOf(await bestCosines(encoder, vectors, options.signal));
    const own = encoder && encoderFields(encoder);
    const below = relative(dirname(path), resolve(folder)).split(sep).join("/") || ".";
    await writeIndex(path, { folder: below, encoder: own, chunks, threshold, files, passages, vectors });
    const paths = new Set(files.map((each) => each.path));
    const removed = earlier.content?.files.filter((each) => !paths.has(each.path)).length ?? 0;
    const counts = { files: files.length, passages: passages.length, unchanged, removed };
    return { path, ...counts, rebuilt: earlier.reason, skipped };
  });
}

async function withLock<T>(
  path: string,
  refusal: (pid: number | undefined) => Error,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await withOnlyLock(`${path}.lock`, refusal, work);
  } catch (cause) {
    const { code, path: own } = cause as NodeJS.ErrnoException;
    if (own !== `${path}.lock` || code === undefined) throw cause;
    throw new LecternError("file", `${path} cannot be written: ${(cause as Error).message}`, { cause });
  }
}

const encoderFields = ({ name, fingerprint, questionPrompt, passagePrompt }: Encoder) => ({
  name,
  fingerprint,
  questionPrompt,
  passagePrompt,
});

function nothingIn(folder: string, { extensions }: IndexOptions, skipped: readonly SkippedFile[]): string {
  const [first] = skipped;
  const why = first ? `; ${skipped.length} were left out, such as ${first.path}: ${first.reason}` : "";
  const which = extensions ? `of ${extensions.join(", ")}` : "of the usual extensions; name others with extensions";
  return `index: ${folder} holds no text file ${which}${why}`;
}

/** The index that is there, where its vectors can be taken over; else the reason. */
async function earlierOf(
  path: string,
  { encoder, chunks }: { encoder: Encoder | undefined; chunks: IndexContent["chunks"] },
  isFresh: boolean,
): Promise<{ content?: IndexContent; reason?: string }> {
  if (isFresh) return { reason: "all files were asked for" };
  const content = await readIndex(path).catch((error: unknown) => {
    if (error instanceof LecternError && (error.cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT")
      return undefined;
    throw error;
  });
  if (!content) return {};
  const own = content.encoder;
  if (own?.fingerprint !== encoder?.fingerprint) return { reason: "the encoder changed" };
  if (own?.passagePrompt !== encoder?.passagePrompt) return { reason: "the prompt of passages changed" };
  const isSame = content.chunks.size === chunks.size && content.chunks.overlap === chunks.overlap;
  return isSame ? { content } : { reason: "the size of passages changed" };
}

async function bestCosines(
  encoder: Encoder,
  vectors: readonly Float32Array[],
  signal: AbortSignal | undefined,
): Promise<number[]> {
  const questions = await encoder.embed(unrelatedQuestions, "question", signal);
  return questions.map((question) => nearestOf(vectors, question, 1)[0]?.score ?? 0);
}

/** An index that grows by files. */
class Draft {
  readonly files: IndexedFile[] = [];
  readonly passages: Passage[] = [];
  readonly vectors: Float32Array[] = [];
  unchanged = 0;
  readonly #earlier = new Map<
    string,
    { digest: string; passages: readonly Passage[]; vectors: readonly Float32Array[] }
  >();
  readonly #chunks: IndexContent["chunks"];
  readonly #encoder: Encoder | undefined;
  readonly #options: IndexOptions;

  constructor(
    earlier: IndexContent | undefined,
    { chunks, encoder }: { chunks: IndexContent["chunks"]; encoder: Encoder | undefined },
    options: IndexOptions,
  ) {
    [this.#chunks, this.#encoder, this.#options] = [chunks, encoder, options];
    let at = 0;
    for (const { path, digest, passages: count } of earlier?.files ?? []) {
      const [passages, vectors] = [earlier?.passages, earlier?.vectors].map((all) => all?.slice(at, at + count) ?? []);
      this.#earlier.set(path, { digest, passages: passages as Passage[], vectors: vectors as Float32Array[] });
      at += count;
    }
  }

  async add({ path, text, digest }: FolderFile): Promise<void> {
    throwIfAborted(this.#options.signal);
    const earlier = this.#earlier.get(path);
    const isSame = earlier?.digest === digest;
    if (isSame) this.unchanged++;
    const passages = isSame ? earlier.passages : this.#passagesOf(path, text);
    const vectors = isSame ? earlier.vectors : await this.#encode(passages);
    this.files.push({ path, digest, passages: passages.length });
    for (const passage of passages) this.passages.push(passage);
    for (const vector of vectors) this.vectors.push(vector);
    const total = this.passages.length;
    check(
      total <= MOST_PASSAGES,
      "unsupported",
      () => `index: more than ${MOST_PASSAGES} passages, up to ${path}: use a database of vectors (docs/retrieval.md)`,
    );
    if (!isSame) this.#options.onProgress?.({ file: path, passages: total });
  }

  #passagesOf(file: string, text: string): Passage[] {
    const count = this.#encoder ? this.#encoder.count : (part: string) => termsOf(part).length;
    return chunksOf(text, { ...this.#chunks, count }).map((chunk) => ({ file, ...chunk }));
  }

  async #encode(passages: readonly Passage[]): Promise<Float32Array[]> {
    const encoder = this.#encoder;
    if (!encoder) return [];
    const vectors: Float32Array[] = [];
    for (let at = 0; at < passages.length; at += BATCH) {
      const texts = passages.slice(at, at + BATCH).map(searchedText);
      vectors.push(...(await encoder.embed(texts, "passage", this.#options.signal)));
    }
    return vectors;
  }
}
