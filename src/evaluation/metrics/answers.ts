import { words } from "./tokenizers.ts";

const PUNCTUATION = /[!-/:-@[-`{-~]/g;

/** A text as SQuAD compares it: lower case, without punctuation, articles and repeated spaces. */
function normalized(text: string): string[] {
  const plain = text.toLowerCase().replace(PUNCTUATION, "");
  return words(plain.replace(/(?<![\p{L}\p{N}_])(a|an|the)(?![\p{L}\p{N}_])/gu, " "));
}

/** The best score of an answer over several right ones. */
const best = (answers: string | readonly string[], score: (right: string) => number): number =>
  Math.max(0, ...[answers].flat().map(score));

/** 1 if an answer equals a right one but for case, punctuation and articles, else 0 (SQuAD; Rajpurkar et al., 2018). */
export function squadExact(answer: string, right: string | readonly string[]): number {
  const said = normalized(answer).join(" ");
  return best(right, (own) => Number(normalized(own).join(" ") === said));
}

/** The F1 score of the words that an answer shares with the right one that fits best, from 0 to 1 (SQuAD 2.0). */
export function squadF1(answer: string, right: string | readonly string[]): number {
  const said = normalized(answer);
  return best(right, (own) => {
    const known = normalized(own);
    if (known.length === 0 || said.length === 0) return Number(known.length === said.length);
    const left = new Map<string, number>();
    for (const word of known) left.set(word, (left.get(word) ?? 0) + 1);
    let both = 0;
    for (const word of said) {
      const count = left.get(word) ?? 0;
      if (count === 0) continue;
      both++;
      left.set(word, count - 1);
    }
    if (both === 0) return 0;
    const [precision, recall] = [both / said.length, both / known.length];
    return (2 * precision * recall) / (precision + recall);
  });
}

/** Options of an exact match, by their names in lm-evaluation-harness. */
export interface ExactMatchOptions {
  /** True if upper and lower case are the same; default false. */
  readonly ignoreCase?: boolean | undefined;
  /** True if ASCII punctuation is left out; default false. */
  readonly ignorePunctuation?: boolean | undefined;
  /** True if the digits 0 to 9 are left out; default false. */
  readonly ignoreNumbers?: boolean | undefined;
  /** Expressions whose matches are left out. */
  readonly ignored?: readonly RegExp[] | undefined;
}

/** True if two texts are the same, apart from what is ignored. */
export function exactMatch(answer: string, right: string, options: ExactMatchOptions = {}): boolean {
  const { ignoreCase, ignorePunctuation, ignoreNumbers, ignored = [] } = options;
  const plain = (text: string): string => {
    let kept = ignored.reduce((all, regex) => all.replace(regex, ""), text);
    if (ignoreCase) kept = kept.toLowerCase();
    if (ignorePunctuation) kept = kept.replace(PUNCTUATION, "");
    return ignoreNumbers ? kept.replace(/[0-9]/g, "") : kept;
  };
  return plain(answer) === plain(right);
}
