import { check } from "../../common/index.ts";
import { checkLength, type Part, textOf, vocabularyOf } from "../json.ts";
import { Trie } from "../trie.ts";
import { WordCache, type WordModel, type WordTokens } from "./word-model.ts";

/** WordPiece: the longest piece first; a word that cannot be cut whole is unknown (Schuster and Nakajima, 2012). */
export class WordPiece implements WordModel {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly #unknown: string;
  readonly #most: number;
  readonly #first: Trie;
  readonly #next: Trie;
  readonly #cache = new WordCache((word) => this.#cut(word));

  constructor(part: Part) {
    this.vocabulary = vocabularyOf(part);
    this.#unknown = textOf(part, "unk_token", "[UNK]");
    const prefix = textOf(part, "continuing_subword_prefix", "##");
    const most = part.max_input_chars_per_word ?? 100;
    check(typeof most === "number", "file", () => "WordPiece: max_input_chars_per_word must be a number");
    this.#most = most;
    const entries = [...this.vocabulary];
    for (const [piece, id] of entries) checkLength(piece, `piece ${id}`);
    this.#first = new Trie(entries);
    this.#next = new Trie(
      entries.filter(([piece]) => piece.startsWith(prefix)).map(([piece, id]) => [piece.slice(prefix.length), id]),
    );
  }

  tokenize(word: string): WordTokens {
    return this.#cache.get(word);
  }

  #cut(word: string): WordTokens {
    const tooLong = word.length > this.#most && [...word].length > this.#most;
    const ids: number[] = [];
    const spans: number[] = [];
    for (let at = 0; !tooLong && at < word.length; ) {
      const piece = (at === 0 ? this.#first : this.#next).longest(word, at);
      if (!piece) return this.#unknownWord(word);
      ids.push(piece.value);
      spans.push(at, at + piece.length);
      at += piece.length;
    }
    return tooLong ? this.#unknownWord(word) : { ids, spans };
  }

  #unknownWord(word: string): WordTokens {
    const id = this.vocabulary.get(this.#unknown);
    check(id !== undefined, "input", () => `${JSON.stringify(word)} has no pieces, and ${this.#unknown} is missing`);
    return { ids: [id], spans: [0, word.length] };
  }
}
