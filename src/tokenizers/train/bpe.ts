import type { WordCounts } from "./words.ts";

export interface BpeOptions {
  readonly vocabularySize: number;
  readonly minFrequency: number;
  readonly specialTokens: readonly string[];
  /** Characters that are always in the vocabulary. */
  readonly initialAlphabet: readonly string[];
  /** The maximum number of characters; the rarest are left out. */
  readonly limitAlphabet: number;
  /** Stands before pieces that go on within a word, or behind those that end one. */
  readonly prefix: string;
  readonly suffix: string;
}

export interface BpeResult {
  /** By id. */
  readonly tokens: string[];
  readonly merges: [left: string, right: string][];
}

/** A pair of tokens as one number, in the order of (left, right). */
const PAIR = 2 ** 26;

/**
 * Byte-pair encoding: merges the most frequent pair of neighbours, again and again; of equals the pair of lower ids.
 * @see Sennrich et al., "Neural machine translation of rare words with subword units" (2016)
 */
export function trainBpe(words: WordCounts, options: BpeOptions): BpeResult {
  const { vocabularySize, minFrequency, prefix } = options;
  const vocabulary = new Vocabulary([...options.specialTokens, ...alphabetOf(words, options)]);
  const rows = spellWords(words, vocabulary, options);
  const pairs = new PairTable(rows, [...words.values()]);
  const merges: BpeResult["merges"] = [];
  while (vocabulary.tokens.length < vocabularySize) {
    const top = pairs.pop();
    if (top === undefined || top.count < Math.max(1, minFrequency)) break;
    const [left, right] = [Math.floor(top.pair / PAIR), top.pair % PAIR];
    const [a, b] = [vocabulary.tokens[left] as string, vocabulary.tokens[right] as string];
    const joined = a + (prefix !== "" && b.startsWith(prefix) ? b.slice(prefix.length) : b);
    merges.push([a, b]);
    pairs.merge(left, right, vocabulary.add(joined));
  }
  return { tokens: vocabulary.tokens, merges };
}

class Vocabulary {
  readonly tokens: string[] = [];
  readonly #ids = new Map<string, number>();

  constructor(tokens: readonly string[]) {
    for (const token of tokens) this.add(token);
  }

  add(token: string): number {
    const known = this.#ids.get(token);
    if (known !== undefined) return known;
    this.#ids.set(token, this.tokens.length);
    this.tokens.push(token);
    return this.tokens.length - 1;
  }

  has(token: string): boolean {
    return this.#ids.has(token);
  }
}

/** The characters of the words by code point; beyond the limit, the rarest are left out. */
function alphabetOf(words: WordCounts, { initialAlphabet, limitAlphabet }: BpeOptions): string[] {
  const counts = new Map<string, number>();
  for (const [word, count] of words)
    for (const character of word) counts.set(character, (counts.get(character) ?? 0) + count);
  for (const character of initialAlphabet) counts.set(character, Number.POSITIVE_INFINITY);
  const byCount = [...counts].sort(([a, x], [b, y]) => (x === y ? codePoint(a) - codePoint(b) : y - x));
  return byCount
    .slice(0, Math.max(limitAlphabet, initialAlphabet.length))
    .map(([character]) => character)
    .sort((a, b) => codePoint(a) - codePoint(b));
}

const codePoint = (character: string): number => character.codePointAt(0) as number;

/** Words as ids of their characters; characters that the alphabet lacks are left out. */
function spellWords(words: WordCounts, vocabulary: Vocabulary, { prefix, suffix }: BpeOptions): Int32Array[] {
  const known = new Set(vocabulary.tokens);
  return Array.from(words.keys(), (word) => {
    const characters = Array.from(word);
    const ids = characters.flatMap((character, i) => {
      if (!known.has(character)) return [];
      const begun = i > 0 ? prefix + character : character;
      return [vocabulary.add(i === characters.length - 1 ? begun + suffix : begun)];
    });
    return Int32Array.from(ids);
  });
}

/** Counts of all pairs of neighbours, kept up to date, with the most frequent at hand. */
class PairTable {
  readonly #rows: Int32Array[];
  readonly #lengths: Int32Array;
  readonly #counts: readonly number[];
  readonly #pairs = new Map<number, number>();
  /** The rows in which a pair has come up. */
  readonly #places = new Map<number, number[]>();
  readonly #heap = new Heap();

  constructor(rows: Int32Array[], counts: readonly number[]) {
    this.#rows = rows;
    this.#counts = counts;
    this.#lengths = Int32Array.from(rows, (row) => row.length);
    for (const [row, ids] of rows.entries())
      for (let i = 0; i + 1 < ids.length; i++)
        this.#add((ids[i] as number) * PAIR + (ids[i + 1] as number), counts[row] as number, row);
    for (const [pair, count] of this.#pairs) this.#heap.push(pair, count);
  }

  /** The most frequent pair; what was noted of it long ago is looked up again. */
  pop(): { pair: number; count: number } | undefined {
    for (let top = this.#heap.pop(); top; top = this.#heap.pop()) {
      const count = this.#pairs.get(top.pair) as number;
      if (count === top.count) return top;
      if (count > 0) this.#heap.push(top.pair, count);
    }
    return undefined;
  }

  /** Replaces a pair by one token wherever it stands. */
  merge(left: number, right: number, joined: number): void {
    const pair = left * PAIR + right;
    const changed = new Set<number>();
    for (const row of new Set(this.#places.get(pair))) this.#mergeRow(row, left, right, joined, changed);
    this.#places.delete(pair);
    for (const fresh of changed) {
      const count = this.#pairs.get(fresh) as number;
      if (count > 0) this.#heap.push(fresh, count);
    }
  }

  #mergeRow(row: number, left: number, right: number, joined: number, changed: Set<number>): void {
    const ids = this.#rows[row] as Int32Array;
    const count = this.#counts[row] as number;
    const length = this.#lengths[row] as number;
    let to = 0;
    for (let from = 0; from < length; from++) {
      if (ids[from] !== left || from + 1 >= length || ids[from + 1] !== right) {
        ids[to++] = ids[from] as number;
        continue;
      }
      if (to > 0) {
        const before = ids[to - 1] as number;
        this.#subtract(before * PAIR + left, count);
        this.#add(before * PAIR + joined, count, row);
        changed.add(before * PAIR + joined);
      }
      if (from + 2 < length) {
        const after = ids[from + 2] as number;
        this.#subtract(right * PAIR + after, count);
        this.#add(joined * PAIR + after, count, row);
        changed.add(joined * PAIR + after);
      }
      this.#subtract(left * PAIR + right, count);
      ids[to++] = joined;
      from++;
    }
    this.#lengths[row] = to;
  }

  #add(pair: number, count: number, row: number): void {
    this.#pairs.set(pair, (this.#pairs.get(pair) ?? 0) + count);
    const places = this.#places.get(pair);
    if (!places) this.#places.set(pair, [row]);
    else if (places.at(-1) !== row) places.push(row);
  }

  #subtract(pair: number, count: number): void {
    this.#pairs.set(pair, (this.#pairs.get(pair) ?? 0) - count);
  }
}

/** The largest count first; of equals, the smaller pair. */
class Heap {
  readonly #pairs: number[] = [];
  readonly #counts: number[] = [];

  push(pair: number, count: number): void {
    let at = this.#pairs.length;
    this.#pairs.push(pair);
    this.#counts.push(count);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  pop(): { pair: number; count: number } | undefined {
    if (this.#pairs.length === 0) return undefined;
    this.#swap(0, this.#pairs.length - 1);
    const top = { pair: this.#pairs.pop() as number, count: this.#counts.pop() as number };
    let at = 0;
    while (true) {
      let best = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < this.#pairs.length && this.#isBefore(child, best)) best = child;
      if (best === at) return top;
      this.#swap(at, best);
      at = best;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [x, y] = [this.#counts[a] as number, this.#counts[b] as number];
    return x === y ? (this.#pairs[a] as number) < (this.#pairs[b] as number) : x > y;
  }

  #swap(a: number, b: number): void {
    [this.#pairs[a], this.#pairs[b]] = [this.#pairs[b] as number, this.#pairs[a] as number];
    [this.#counts[a], this.#counts[b]] = [this.#counts[b] as number, this.#counts[a] as number];
  }
}
