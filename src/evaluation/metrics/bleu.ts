import { check } from "../../common/index.ts";
import { type BleuTokenizer, bleuTokenizer } from "./tokenizers.ts";

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
  /** The settings, as sacreBLEU writes them. */
  readonly signature: string;
}

/** Settings of BLEU. */
export interface BleuOptions {
  /** The tokenizer, by its name in sacreBLEU; default `13a`. */
  readonly tokenizer?: BleuTokenizer | undefined;
  /** True if case does not count; default false. */
  readonly lowercase?: boolean | undefined;
}

/** One reference, or several of equal standing. */
export type References = string | readonly string[];

/** The version of sacreBLEU that scores are equal to. */
export const SACREBLEU_VERSION = "2.6.0";

const MAX_ORDER = 4;

/** Refuses anything but one reference, or as many for each, for each text. */
export function checkReferences(metric: string, texts: readonly string[], references: readonly References[]): number {
  const counts = new Set(references.map((own) => (typeof own === "string" ? 1 : own.length)));
  check(
    texts.length === references.length && texts.length > 0,
    "usage",
    () => `${metric}: one reference for each text, and at least one text; got ${texts.length} and ${references.length}`,
  );
  check(
    counts.size === 1 && !counts.has(0),
    "usage",
    () => `${metric}: every text must have as many references; got ${[...counts].join(" and ")}`,
  );
  return [...counts][0] as number;
}

/**
 * BLEU = BP · exp(¼ Σₙ log pₙ), pₙ the share of the n-grams that stand in the reference (Papineni et al., 2002), as
 * sacreBLEU 2.6 counts it by default (Post, 2018): signature `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp`.
 *
 * @param references one for each translation, or as many for each
 */
export function bleu(
  translations: readonly string[],
  references: readonly References[],
  { tokenizer = "13a", lowercase = false }: BleuOptions = {},
): Bleu {
  const count = checkReferences("bleu", translations, references);
  const split = bleuTokenizer(tokenizer);
  const tokens = (text: string): readonly string[] => {
    const trimmed = text.replace(/\p{White_Space}+$/u, "");
    return split(lowercase ? trimmed.toLowerCase() : trimmed);
  };
  const correct = Array.from({ length: MAX_ORDER }, () => 0);
  const total = Array.from({ length: MAX_ORDER }, () => 0);
  let [length, referenceLength] = [0, 0];
  for (const [i, translation] of translations.entries()) {
    const said = tokens(translation);
    const right = [references[i] as References].flat().map(tokens);
    length += said.length;
    referenceLength += closest(
      said.length,
      right.map((each) => each.length),
    );
    for (let order = 1; order <= MAX_ORDER; order++) {
      const known = mostOf(right.map((each) => ngrams(each, order)));
      for (const [gram, times] of ngrams(said, order)) {
        correct[order - 1] = (correct[order - 1] as number) + Math.min(times, known.get(gram) ?? 0);
        total[order - 1] = (total[order - 1] as number) + times;
      }
    }
  }
  const precisions = smoothed(correct, total);
  const brevityPenalty = length === 0 ? 0 : Math.min(1, Math.exp(1 - referenceLength / length));
  const isPossible = precisions.every((precision) => precision > 0);
  const mean = precisions.reduce((sum, p) => sum + Math.log(p), 0) / MAX_ORDER;
  return {
    score: isPossible ? brevityPenalty * Math.exp(mean) : 0,
    precisions,
    brevityPenalty,
    length,
    referenceLength,
    signature: `nrefs:${count}|case:${lowercase ? "lc" : "mixed"}|eff:no|tok:${tokenizer}|smooth:exp|version:${SACREBLEU_VERSION}`,
  };
}

/** The length that is nearest to a translation's, the shorter of two. */
function closest(length: number, lengths: readonly number[]): number {
  const distance = (other: number): number => Math.abs(length - other);
  return lengths.reduce((best, other) =>
    distance(other) < distance(best) || (distance(other) === distance(best) && other < best) ? other : best,
  );
}

/** The largest count of each n-gram in any reference. */
function mostOf(counts: readonly ReadonlyMap<string, number>[]): ReadonlyMap<string, number> {
  if (counts.length === 1) return counts[0] as ReadonlyMap<string, number>;
  const most = new Map<string, number>();
  for (const own of counts) for (const [gram, times] of own) most.set(gram, Math.max(times, most.get(gram) ?? 0));
  return most;
}

/** Precisions in per cent; the k-th that would be 0 becomes that of 2⁻ᵏ right n-grams, where any is right at all. */
function smoothed(correct: readonly number[], total: readonly number[]): number[] {
  let share = 1;
  const isEmpty = correct.every((count) => count === 0);
  return correct.map((count, i) => {
    const all = total[i] as number;
    if (all === 0 || isEmpty) return 0;
    if (count > 0) return (100 * count) / all;
    share /= 2;
    return (100 * share) / all;
  });
}

/** The n-grams of tokens, with their counts. */
export function ngrams(tokens: readonly string[], order: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + order <= tokens.length; i++) {
    const gram = tokens.slice(i, i + order).join(" ");
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}
