/** The tokens of a word, and the part of the word that each stands for: start and end in turn, in UTF-16 units. */
export interface WordTokens {
  readonly ids: ArrayLike<number>;
  readonly spans: ArrayLike<number>;
}

/** Cuts words into tokens. */
export interface WordModel {
  tokenize(word: string): WordTokens;
  /** Tokens and their ids, those of the added tokens not among them. */
  readonly vocabulary: ReadonlyMap<string, number>;
}

/** Words above this many units are not kept: they hardly come twice. */
const LONGEST_KEPT = 48;
const MOST_KEPT = 1 << 16;

/** Remembers the tokens of words. */
export class WordCache {
  readonly #tokens = new Map<string, WordTokens>();
  readonly #make: (word: string) => WordTokens;

  constructor(make: (word: string) => WordTokens) {
    this.#make = make;
  }

  get(word: string): WordTokens {
    const known = this.#tokens.get(word);
    if (known) return known;
    const tokens = this.#make(word);
    if (word.length > LONGEST_KEPT) return tokens;
    if (this.#tokens.size >= MOST_KEPT) this.#tokens.clear();
    this.#tokens.set(detached(word), tokens);
    return tokens;
  }
}

/** A copy: a slice of a text would keep the whole text in memory. */
function detached(word: string): string {
  return word.length < 13 ? word : Array.from({ length: word.length }, (_, i) => word[i]).join("");
}
