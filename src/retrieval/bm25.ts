import { termsOf } from "./words.ts";

/** The usual saturation of a term's count, and the weight of a text's length. */
const K1 = 1.2;
const B = 0.75;

/**
 * BM25 (Robertson and Zaragoza, 2009, "The Probabilistic Relevance Framework") with Lucene's inverse document frequency:
 *
 *     score = Σ idf(t) · tf · (k1 + 1) / (tf + k1 · (1 − b + b · length / mean length)) / Σ idf(t) · (k1 + 1)
 *     idf(t) = ln(1 + (N − df + 0.5) / (df + 0.5))
 *
 * The sums run over the distinct terms of a question. The second makes scores of different questions comparable: they lie
 * between 0 and 1, and a term that is nowhere lowers them.
 */
export class Bm25 {
  readonly #postings = new Map<string, [text: number, count: number][]>();
  readonly #lengths: number[];
  readonly #mean: number;

  /** @param texts the texts to search, whose positions are their numbers */
  constructor(texts: readonly string[]) {
    this.#lengths = texts.map((text, i) => {
      const counts = new Map<string, number>();
      const terms = termsOf(text);
      for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
      for (const [term, count] of counts) {
        const own = this.#postings.get(term);
        if (own) own.push([i, count]);
        else this.#postings.set(term, [[i, count]]);
      }
      return terms.length;
    });
    this.#mean = this.#lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, texts.length);
  }

  /** The score of each text, from 0 to 1. */
  scores(question: string): Float64Array {
    const scores = new Float64Array(this.#lengths.length);
    let most = 0;
    for (const term of new Set(termsOf(question))) {
      const own = this.#postings.get(term) ?? [];
      const idf = Math.log(1 + (this.#lengths.length - own.length + 0.5) / (own.length + 0.5));
      most += idf * (K1 + 1);
      for (const [text, count] of own) {
        const length = 1 - B + (B * (this.#lengths[text] as number)) / this.#mean;
        scores[text] = (scores[text] as number) + (idf * count * (K1 + 1)) / (count + K1 * length);
      }
    }
    return most > 0 ? scores.map((score) => score / most) : scores;
  }
}
