import { check } from "../common/index.ts";

/** BLEU of a set of translations, in per cent, with what it is made of. */
export interface Bleu {
  /** BLEU, in per cent. */
  readonly score: number;
  /** Of 1- to 4-grams, in per cent. */
  readonly precisions: readonly number[];
  /** The brevity penalty: 1 if the translations are as long as the references. */
  readonly brevityPenalty: number;
  /** Tokens of the translations, and of the references. */
  readonly length: number;
  /** The number of tokens of the references. */
  readonly referenceLength: number;
}

const MAX_ORDER = 4;

/**
 * BLEU = BP · exp(¼ Σₙ log pₙ), pₙ the share of the n-grams that stand in the reference (Papineni et al., 2002), as
 * sacreBLEU counts it by default (Post, 2018): signature `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp`.
 * @param references one for each translation
 */
export function bleu(translations: readonly string[], references: readonly string[]): Bleu {
  check(
    translations.length === references.length && translations.length > 0,
    "usage",
    () => `bleu: one reference for each translation; got ${translations.length} and ${references.length}`,
  );
  const correct = Array.from({ length: MAX_ORDER }, () => 0);
  const total = Array.from({ length: MAX_ORDER }, () => 0);
  let [length, referenceLength] = [0, 0];
  for (const [i, translation] of translations.entries()) {
    const [said, right] = [tokenize13a(translation), tokenize13a(references[i] as string)];
    length += said.length;
    referenceLength += right.length;
    for (let order = 1; order <= MAX_ORDER; order++) {
      const known = ngrams(right, order);
      for (const [gram, count] of ngrams(said, order)) {
        correct[order - 1] = (correct[order - 1] as number) + Math.min(count, known.get(gram) ?? 0);
        total[order - 1] = (total[order - 1] as number) + count;
      }
    }
  }
  const precisions = smoothed(correct, total);
  const brevityPenalty = length === 0 ? 0 : Math.min(1, Math.exp(1 - referenceLength / length));
  const isPossible = total.every((count) => count > 0) && (correct[0] as number) > 0;
  const mean = precisions.reduce((sum, p) => sum + Math.log(p), 0) / MAX_ORDER;
  return {
    score: isPossible ? brevityPenalty * Math.exp(mean) : 0,
    precisions,
    brevityPenalty,
    length,
    referenceLength,
  };
}

/** Precisions in per cent; the k-th that would be 0 becomes that of 2⁻ᵏ right n-grams, where any is right at all. */
function smoothed(correct: readonly number[], total: readonly number[]): number[] {
  let share = 1;
  return correct.map((count, i) => {
    const all = total[i] as number;
    if (all === 0 || correct[0] === 0) return 0;
    if (count > 0) return (100 * count) / all;
    share /= 2;
    return (100 * share) / all;
  });
}

function ngrams(tokens: readonly string[], order: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + order <= tokens.length; i++) {
    const gram = tokens.slice(i, i + order).join(" ");
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

/** The tokens of mteval-v13a, which WMT has used: punctuation apart, but not within numbers. */
export function tokenize13a(text: string): string[] {
  const plain = text
    .replaceAll("<skipped>", "")
    .replaceAll("-\n", "")
    .replaceAll("\n", " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">");
  return ` ${plain} `
    .replace(/([{-~[-` -&(-+:-@/])/g, " $1 ")
    .replace(/([^0-9])([.,])/gu, "$1 $2 ")
    .replace(/([.,])([^0-9])/gu, " $1 $2")
    .replace(/([0-9])(-)/g, "$1 $2 ")
    .split(/\s+/u)
    .filter((token) => token !== "");
}
