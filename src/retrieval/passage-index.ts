import { dirname, join, resolve } from "node:path";
import { check, checkFields, LecternError, type Rules, rules } from "../common/index.ts";
import { Bm25 } from "./bm25.ts";
import type { Encoder } from "./encoder.ts";
import { readTextFile } from "./folder-files.ts";
import { type IndexContent, type Passage, readIndex, searchedText } from "./index-file.ts";
import { best, nearestOf, type Scored } from "./nearest.ts";
import { thresholdOf, unrelatedQuestions } from "./unrelated.ts";

/** The comparison of passages with a question: by the cosine of vectors, or by the words that they share. */
export const searchMethods = ["vectors", "bm25"] as const;
/** A way to compare passages with a question; see `method` of `SearchOptions`. */
export type SearchMethod = (typeof searchMethods)[number];

/** Options of `PassageIndex.search`. */
export interface SearchOptions {
  /** The largest number of passages; default 5. */
  readonly topK?: number | undefined;
  /** `vectors` (default where the index has them) or `bm25`. */
  readonly method?: SearchMethod | undefined;
  /** Passages below this score are left out; default the score that unrelated questions reach in this index. */
  readonly minScore?: number | undefined;
  /**
   * True if each passage is compared with its file, and left out where the file changed; default true. An index without its
   * folder, as on a server, needs false.
   */
  readonly verify?: boolean | undefined;
  /** Ends the search. */
  readonly signal?: AbortSignal | undefined;
}

const optionRules: Rules = {
  topK: rules.count,
  method: {
    fits: (value) => searchMethods.some((each) => each === value),
    expected: `one of ${searchMethods.join(", ")}`,
  },
  minScore: {
    fits: (value) => typeof value === "number" && value >= -1 && value <= 1,
    expected: "a number from -1 to 1",
  },
  verify: rules.flag,
  signal: rules.signal,
};

/** A passage that a search found. */
export interface FoundPassage extends Passage {
  /** A cosine from −1 to 1, or a share of BM25's highest possible score from 0 to 1. */
  readonly score: number;
}

/** The outcome of a search. */
export interface SearchResult {
  /** The method that was used. */
  readonly method: SearchMethod;
  /** The passages that reach the threshold, the best first; empty where nothing is near. */
  readonly passages: readonly FoundPassage[];
  /** The score below which passages are left out. */
  readonly threshold: number;
  /** The best score of any passage of the index. */
  readonly bestScore: number;
  /** Files that changed since they were indexed; their passages are left out. */
  readonly changed: readonly string[];
}

/** An index of passages in memory. It is searched exactly: every passage is compared. */
export class PassageIndex {
  /** The folder that the files' paths start from. */
  readonly folder: string;
  readonly #path: string;
  readonly #content: IndexContent;
  readonly #encoder: Encoder | undefined;
  #bm25: { readonly texts: Bm25; readonly threshold: number } | undefined;

  /** Use `openIndex`. @internal */
  constructor(path: string, content: IndexContent, encoder: Encoder | undefined) {
    [this.#path, this.#content, this.#encoder] = [path, content, encoder];
    this.folder = resolve(dirname(path), content.folder);
  }

  /** The passages by file and line. */
  get passages(): readonly Passage[] {
    return this.#content.passages;
  }

  /** The encoder that compares questions with passages; undefined where BM25 alone does. */
  get encoder(): Encoder | undefined {
    return this.#encoder;
  }

  /** One vector of length 1 a passage; empty for an index without an encoder. */
  get vectors(): readonly Float32Array[] {
    return this.#content.vectors;
  }

  /** The method of `search` where none is given. */
  get method(): SearchMethod {
    return this.#encoder ? "vectors" : "bm25";
  }

  /** The score below which `search` leaves passages out, from −1 to 1. */
  threshold(method: SearchMethod = this.method): number {
    return method === "vectors" ? (this.#content.threshold ?? 0) : this.#byWords().threshold;
  }

  /**
   * The passages nearest to a question. A passage is left out below a threshold that few unrelated questions reach. It is taken
   * from the best scores that 24 questions about everyday subjects have in this index: their median and one and a half standard
   * deviations.
   *
   * @throws LecternError with code `input` for an empty question, `usage` for vectors without an encoder
   */
  async search(question: string, options: SearchOptions = {}): Promise<SearchResult> {
    checkFields("search", options, optionRules);
    const { topK = 5, method = this.method, verify = true, signal } = options;
    check(typeof question === "string" && question.trim() !== "", "input", () => "search: the question is empty");
    const rank = method === "vectors" ? this.#byVectors(signal) : this.#byWords().rank;
    const threshold = options.minScore ?? this.threshold(method);
    const changed = new Set<string>();
    const passages: FoundPassage[] = [];
    let ranked = await rank(question, topK);
    for (let at = 0; at < ranked.length && passages.length < topK; at++) {
      const { row, score } = ranked[at] as Scored;
      if (score < threshold || (method === "bm25" && score === 0)) break;
      const passage = this.#content.passages[row] as Passage;
      if (verify && !(await this.#stands(passage))) changed.add(passage.file);
      else passages.push({ ...passage, score });
      const isLast = at === ranked.length - 1 && ranked.length < this.passages.length;
      if (isLast && changed.size > 0) ranked = await rank(question, 2 * ranked.length); // for those left out
    }
    return { method, passages, threshold, bestScore: ranked[0]?.score ?? 0, changed: [...changed] };
  }

  /** True if the file of a passage still holds its text in the lines that it names. */
  async #stands({ file, from, to, text }: Passage): Promise<boolean> {
    const read = await readTextFile(join(this.folder, file));
    if (typeof read === "string") return false;
    const lines = read.text.split("\n").slice(from - 1, to);
    return lines.join("\n").includes(text);
  }

  #byVectors(signal: AbortSignal | undefined): Rank {
    const { vectors } = this.#content;
    const encoder = this.#encoder;
    check(
      encoder,
      "usage",
      () => `search: ${this.#path} has no vectors: index the folder with an encoder, or use bm25`,
    );
    let query: Promise<Float32Array[]> | undefined;
    return async (question, count) => {
      query ??= encoder.embed([question], "question", signal);
      const [vector] = await query;
      return nearestOf(vectors, vector as Float32Array, count);
    };
  }

  #byWords(): { readonly threshold: number; readonly rank: Rank } {
    if (!this.#bm25) {
      const texts = new Bm25(this.passages.map(searchedText));
      const scores = unrelatedQuestions.map((question) => best(texts.scores(question), 1)[0]?.score ?? 0);
      this.#bm25 = { texts, threshold: Math.max(thresholdOf(scores), Number.EPSILON) }; // a word must be shared
    }
    const { texts, threshold } = this.#bm25;
    return { threshold, rank: async (question, count) => best(texts.scores(question), count) };
  }
}

type Rank = (question: string, count: number) => Promise<Scored[]>;

/**
 * Opens an index.
 *
 * @param encoder a function that opens the index's own encoder by its name; an index without one never calls it
 * @throws LecternError with code `file` for a damaged index, and where the encoder is not the one of the index
 */
export async function openIndex(
  path: string,
  encoder?: (indexed: NonNullable<IndexContent["encoder"]>) => Promise<Encoder>,
): Promise<PassageIndex> {
  const content = await readIndex(path);
  const own = content.encoder;
  const opened = own && encoder && (await encoder(own));
  if (own && opened && opened.fingerprint !== own.fingerprint)
    throw new LecternError(
      "file",
      `${path} was made with another encoder than ${opened.name}, or in another precision: index the folder again`,
    );
  return new PassageIndex(resolve(path), content, opened);
}
