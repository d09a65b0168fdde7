import { ngrams } from "./bleu.ts";

/** One score of ROUGE, each from 0 to 1. */
export interface RougeScore {
  /** The share of the answer's n-grams, or of its words in the common subsequence, that match. */
  readonly precision: number;
  /** The share of the reference's n-grams, or of its words in the common subsequence, that match. */
  readonly recall: number;
  /** The harmonic mean of precision and recall. */
  readonly fMeasure: number;
}

/** A kind of ROUGE. */
export type RougeType = "rouge1" | "rouge2" | "rougeL" | "rougeLsum";

/** Settings of ROUGE. */
export interface RougeOptions {
  /**
   * `default` is that of rouge-score: words of a–z and 0–9, so that text in another script has none and scores 0.
   * `unicode` takes letters, marks and digits of all scripts.
   */
  readonly tokenizer?: "default" | "unicode" | undefined;
  /** Called with a warning, once, where a text loses all of its words. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

const separators = { default: /[^a-z0-9]+/, unicode: /[^\p{L}\p{M}\p{N}]+/u } as const;

/** Tokens of a text in lower case. */
function tokens(text: string, tokenizer: keyof typeof separators): string[] {
  return text
    .toLowerCase()
    .split(separators[tokenizer])
    .filter((token) => token !== "");
}

/**
 * ROUGE-1, -2, -L and -Lsum of a text (Lin, 2004), as rouge-score 0.1.2 computes them without a stemmer; ROUGE-Lsum takes
 * each line as a sentence.
 *
 * @param references one, or several, of which the one with the best F-measure counts for each kind
 */
export function rouge(
  text: string,
  references: string | readonly string[],
  { tokenizer = "default", onWarning }: RougeOptions = {},
): Record<RougeType, RougeScore> {
  const all = [references].flat();
  const isLost = [text, ...all].some(
    (each) => tokens(each, tokenizer).length === 0 && tokens(each, "unicode").length > 0,
  );
  if (isLost)
    onWarning?.(
      'rouge: a text has no word of a–z and 0–9, so it scores 0, as in rouge-score; tokenizer: "unicode" takes all scripts',
    );
  const scores = all.map((reference) => scoresOf(reference, text, tokenizer));
  const best = (type: RougeType): RougeScore =>
    scores.map((own) => own[type]).reduce((a, b) => (b.fMeasure > a.fMeasure ? b : a));
  return { rouge1: best("rouge1"), rouge2: best("rouge2"), rougeL: best("rougeL"), rougeLsum: best("rougeLsum") };
}

function scoresOf(reference: string, text: string, tokenizer: keyof typeof separators): Record<RougeType, RougeScore> {
  const [right, said] = [tokens(reference, tokenizer), tokens(text, tokenizer)];
  const sentences = (whole: string): string[][] =>
    whole.split("\n").flatMap((line) => (line === "" ? [] : [tokens(line, tokenizer)]));
  const common = longestCommon(right, said).length;
  return {
    rouge1: gramScore(right, said, 1),
    rouge2: gramScore(right, said, 2),
    rougeL: score(common, said.length, right.length),
    rougeLsum: summaryScore(sentences(reference), sentences(text)),
  };
}

function score(hits: number, said: number, right: number): RougeScore {
  const [precision, recall] = [hits / Math.max(said, 1), hits / Math.max(right, 1)];
  const fMeasure = precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0;
  return { precision, recall, fMeasure };
}

const sumOf = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((sum, n) => sum + n, 0);

function gramScore(right: readonly string[], said: readonly string[], order: number): RougeScore {
  const [known, own] = [ngrams(right, order), ngrams(said, order)];
  const hits = [...known].reduce((sum, [gram, count]) => sum + Math.min(count, own.get(gram) ?? 0), 0);
  return score(hits, sumOf(own), sumOf(known));
}

/** The places in `right` of a longest common subsequence, the one that rouge-score finds. */
function longestCommon(right: readonly string[], said: readonly string[]): number[] {
  const width = said.length + 1;
  const lengths = new Uint32Array((right.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] as number;
  for (let i = 1; i <= right.length; i++)
    for (let j = 1; j <= said.length; j++)
      lengths[i * width + j] =
        right[i - 1] === said[j - 1] ? at(i - 1, j - 1) + 1 : Math.max(at(i - 1, j), at(i, j - 1));
  const places: number[] = [];
  for (let [i, j] = [right.length, said.length]; i > 0 && j > 0; ) {
    if (right[i - 1] === said[j - 1]) {
      places.unshift(i - 1);
      [i, j] = [i - 1, j - 1];
    } else if (at(i, j - 1) > at(i - 1, j)) j--;
    else i--;
  }
  return places;
}

/** ROUGE-Lsum: for each sentence of the reference, the union of its common subsequences with all sentences of the text. */
function summaryScore(right: readonly (readonly string[])[], said: readonly (readonly string[])[]): RougeScore {
  const [left, own] = [ngrams(right.flat(), 1), ngrams(said.flat(), 1)];
  let hits = 0;
  for (const sentence of right) {
    const places = new Set(said.flatMap((other) => longestCommon(sentence, other)));
    for (const place of [...places].sort((a, b) => a - b)) {
      const token = sentence[place] as string;
      const [available, wanted] = [own.get(token) ?? 0, left.get(token) ?? 0];
      if (available === 0 || wanted === 0) continue;
      hits++;
      own.set(token, available - 1);
      left.set(token, wanted - 1);
    }
  }
  return score(hits, said.flat().length, right.flat().length);
}
