import { check } from "../../common/index.ts";
import { checkLength, flagOf, isId, type Part, partsOf, vocabularyOf } from "../json.ts";
import { widthAt } from "../text.ts";
import { Trie } from "../trie.ts";
import { WordCache, type WordModel, type WordTokens } from "./word-model.ts";

/** The penalty of an unknown character, below the score of the worst piece. */
const UNKNOWN_PENALTY = 10;

/** The most probable cut of a word into pieces (Kudo, 2018), found by Viterbi's algorithm over a trie. */
export class Unigram implements WordModel {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly #scores: Float64Array;
  readonly #trie: Trie;
  /** The piece that stands for unknown characters, and the id that it has. */
  readonly #unknown: number;
  readonly #unknownId: number | undefined;
  readonly #unknownScore: number;
  readonly #bytes: readonly number[] | undefined;
  readonly #cache = new WordCache((word) => this.#cut(word));

  /** @param part as in a `tokenizer.json`; `ids` and `unknown` give pieces other ids than their places */
  constructor(part: Part) {
    const entries = partsOf(part, "vocab").map((entry, id) => {
      check(
        Array.isArray(entry) && typeof entry[0] === "string" && Number.isFinite(entry[1]),
        "file",
        () => `Unigram: piece ${id} must be a text and its score; got ${JSON.stringify(entry)}`,
      );
      checkLength(entry[0], `piece ${id}`);
      return entry as [string, number];
    });
    const unknown = part.unk_id ?? undefined;
    check(
      unknown === undefined || (isId(unknown) && unknown < entries.length),
      "file",
      () => `Unigram: unk_id ${JSON.stringify(unknown)} is not one of the ${entries.length} pieces`,
    );
    const pieces = new Map(entries.map(([piece], id) => [piece, id]));
    const vocabulary = part.ids === undefined ? pieces : vocabularyOf({ type: part.type, vocab: part.ids });
    this.vocabulary = vocabulary;
    this.#unknownId = typeof part.unknown === "string" ? vocabulary.get(part.unknown) : unknown;
    this.#scores = Float64Array.from(entries, ([, score]) => asReference(score));
    this.#trie = new Trie(pieces);
    this.#unknown = unknown ?? -1;
    this.#unknownScore = this.#scores.reduce((least, score) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY;
    const bytes = byteIds(vocabulary);
    this.#bytes = flagOf(part, "byte_fallback", false) ? bytes : undefined;
  }

  tokenize(word: string): WordTokens {
    return this.#cache.get(word);
  }

  #cut(word: string): WordTokens {
    const { from, piece } = this.#bestPath(word);
    const cuts: [start: number, end: number][] = [];
    let unknownEnd = -1;
    for (let end = word.length; end > 0; ) {
      const start = from[end] as number;
      const isUnknown = piece[end] === this.#unknown;
      if (isUnknown && unknownEnd === end) (cuts.at(-1) as [number, number])[0] = start;
      else cuts.push([start, end]);
      unknownEnd = isUnknown ? start : -1;
      end = start;
    }
    return this.#tokens(word, cuts.reverse());
  }

  /** For each place: where the last piece of the best cut up to there begins, and which it is. */
  #bestPath(word: string): { readonly from: Int32Array; readonly piece: Int32Array } {
    const best = new Float64Array(word.length + 1);
    const from = new Int32Array(word.length + 1).fill(-1);
    const piece = new Int32Array(word.length + 1);
    const offer = (start: number, end: number, id: number, score: number): void => {
      if (from[end] !== -1 && score <= (best[end] as number)) return;
      best[end] = score;
      from[end] = start;
      piece[end] = id;
    };
    for (let start = 0, width = 0; start < word.length; start += width) {
      const soFar = best[start] as number;
      width = widthAt(word, start);
      let isCovered = false;
      for (let node = 0, at = start; at < word.length; ) {
        node = this.#trie.step(node, word.charCodeAt(at++));
        if (node < 0) break;
        const id = this.#trie.value(node);
        if (id < 0) continue;
        offer(start, at, id, (this.#scores[id] as number) + soFar);
        isCovered ||= at - start === width;
      }
      if (isCovered) continue;
      check(this.#unknown >= 0, "input", () => `Unigram: no piece for a character of ${JSON.stringify(word)}`);
      offer(start, start + width, this.#unknown, this.#unknownScore + soFar);
    }
    return { from, piece };
  }

  #tokens(word: string, cuts: readonly (readonly [number, number])[]): WordTokens {
    const ids: number[] = [];
    const spans: number[] = [];
    for (const [start, end] of cuts) {
      const part = word.slice(start, end);
      const id = this.vocabulary.get(part);
      const bytes = id === undefined && this.#bytes ? new TextEncoder().encode(part) : undefined;
      for (const one of bytes
        ? Array.from(bytes, (byte) => this.#bytes?.[byte] as number)
        : [id ?? this.#unknownId ?? -1]) {
        ids.push(one);
        spans.push(start, end);
      }
    }
    return { ids, spans };
  }
}

/** The ids of `<0x00>` to `<0xFF>`; undefined unless all are there. */
export function byteIds(vocabulary: ReadonlyMap<string, number>): readonly number[] | undefined {
  const ids = Array.from({ length: 256 }, (_, byte) =>
    vocabulary.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
  );
  return ids.every((id) => id !== undefined) ? ids : undefined;
}

/**
 * A score as the reference library reads it: its JSON parser divides the digits by a power of ten, which may be off in
 * the last bit, and that decides between cuts of equal probability.
 */
function asReference(score: number): number {
  const digits = /^(-?)(\d+)\.(\d+)$/.exec(String(score));
  if (!digits) return score;
  const [, sign, whole, fraction = ""] = digits;
  const magnitude = Number(`${whole}${fraction}`) / Number(`1e${fraction.length}`);
  return sign === "-" ? -magnitude : magnitude;
}
