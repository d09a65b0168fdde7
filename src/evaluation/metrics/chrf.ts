import { checkReferences, ngrams, type References, SACREBLEU_VERSION } from "./bleu.ts";
import { words } from "./tokenizers.ts";

/** chrF of a set of texts, in per cent. */
export interface Chrf {
  /** chrF, in per cent. */
  readonly score: number;
  /** The settings, as sacreBLEU writes them. */
  readonly signature: string;
}

/** Settings of chrF. */
export interface ChrfOptions {
  /** The longest n-grams of words: 0 is chrF, 2 is chrF++; default 0. */
  readonly wordOrder?: number | undefined;
  /** True if case does not count; default false. */
  readonly lowercase?: boolean | undefined;
}

const CHARACTER_ORDER = 6;
/** β² of the F-score: recall weighs twice as much as precision. */
const FACTOR = 4;
const PUNCTUATION = new Set("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~");

/** Counts of one order: n-grams of the text, of the reference, and of both. */
type Counts = readonly [said: number, right: number, both: number];

/**
 * chrF: the F₂ score of character n-grams, n ≤ 6, averaged over n (Popović, 2015); with n-grams of words up to 2, chrF++
 * (Popović, 2017), as sacreBLEU 2.6 counts it.
 *
 * @param references one for each text, or as many for each, of which the best counts
 */
export function chrf(
  texts: readonly string[],
  references: readonly References[],
  { wordOrder = 0, lowercase = false }: ChrfOptions = {},
): Chrf {
  const count = checkReferences("chrf", texts, references);
  const grams = (text: string): Map<string, number>[] => gramsOf(lowercase ? text.toLowerCase() : text, wordOrder);
  const totals = Array.from({ length: CHARACTER_ORDER + wordOrder }, (): Counts => [0, 0, 0]);
  for (const [i, text] of texts.entries()) {
    const said = grams(text);
    const candidates = [references[i] as References].flat().map((reference) => matches(said, grams(reference)));
    const best = candidates.reduce((a, b) => (fScore(b) > fScore(a) ? b : a));
    for (const [n, own] of best.entries()) {
      const [x, y, z] = totals[n] as Counts;
      totals[n] = [x + own[0], y + own[1], z + own[2]];
    }
  }
  const signature = `nrefs:${count}|case:${lowercase ? "lc" : "mixed"}|eff:yes|nc:${CHARACTER_ORDER}|nw:${wordOrder}|space:no|version:${SACREBLEU_VERSION}`;
  return { score: fScore(totals), signature };
}

/** The n-grams of characters without white space, then those of words. */
function gramsOf(text: string, wordOrder: number): Map<string, number>[] {
  const characters = [...words(text).join("")];
  const own = Array.from({ length: CHARACTER_ORDER }, (_, i) => characterGrams(characters, i + 1));
  const parts = wordOrder > 0 ? words(text).flatMap(withoutPunctuation) : [];
  return [...own, ...Array.from({ length: wordOrder }, (_, i) => ngrams(parts, i + 1))];
}

function characterGrams(characters: readonly string[], order: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + order <= characters.length; i++) {
    const gram = characters.slice(i, i + order).join("");
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

/** A word, and the punctuation at its end, else at its beginning. */
function withoutPunctuation(word: string): string[] {
  const characters = [...word];
  if (characters.length === 1) return [word];
  const [first, last] = [characters[0] as string, characters.at(-1) as string];
  if (PUNCTUATION.has(last)) return [characters.slice(0, -1).join(""), last];
  return PUNCTUATION.has(first) ? [first, characters.slice(1).join("")] : [word];
}

function matches(said: readonly Map<string, number>[], right: readonly Map<string, number>[]): Counts[] {
  return said.map((own, n) => {
    const known = right[n] as Map<string, number>;
    let [all, both] = [0, 0];
    for (const [gram, times] of own) {
      all += times;
      both += Math.min(times, known.get(gram) ?? 0);
    }
    return [known.size > 0 ? all : 0, [...known.values()].reduce((sum, times) => sum + times, 0), both];
  });
}

/** The F-score of mean precision and mean recall over the orders that both texts have. */
function fScore(counts: readonly Counts[]): number {
  let [precision, recall, orders] = [0, 0, 0];
  for (const [said, right, both] of counts) {
    if (said === 0 || right === 0) continue;
    precision += both / said;
    recall += both / right;
    orders++;
  }
  if (precision + recall === 0) return 0;
  [precision, recall] = [precision / orders, recall / orders];
  return (100 * (1 + FACTOR) * precision * recall) / (FACTOR * precision + recall);
}
