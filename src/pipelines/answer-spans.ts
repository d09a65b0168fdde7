import { softmax } from "../tensor/index.ts";

import type { Window } from "./windows.ts";

/** A candidate answer: tokens `from` … `to` of the passage, both counted in. */
export interface AnswerSpan {
  readonly from: number;
  readonly to: number;
  readonly score: number;
}

export interface SpanSearch {
  /** The id of the token that models without an answer point at; undefined where the tokenizer has none. */
  readonly startId: number | undefined;
  readonly count: number;
  /** Tokens of an answer at most. */
  readonly maxLength: number;
}

/** The logit of a token outside of the passage, as in transformers. */
const OUTSIDE = -10_000;

/**
 * The most probable spans of a window of a passage, P(start) × P(end), and the probability that there is no answer, of
 * the row's first token.
 * @param logits `[T]` each
 */
export function bestSpans(
  logits: { readonly start: ArrayLike<number>; readonly end: ArrayLike<number> },
  { ids, begin, from, count: tokens }: Window,
  { startId, count, maxLength }: SpanSearch,
): { spans: AnswerSpan[]; impossible: number } {
  const isInside = (at: number): boolean => (at >= begin && at < begin + tokens) || ids[at] === startId;
  const probabilities = (row: ArrayLike<number>): Float64Array =>
    softmax(ids.map((_, at) => (isInside(at) ? (row[at] as number) : OUTSIDE)));
  const [start, end] = [probabilities(logits.start), probabilities(logits.end)];
  const impossible = (start[0] as number) * (end[0] as number);
  const spans: AnswerSpan[] = [];
  for (let s = 0; s < tokens; s++)
    for (let e = s; e < Math.min(tokens, s + maxLength); e++)
      spans.push({
        from: from + s,
        to: from + e,
        score: (start[begin + s] as number) * (end[begin + e] as number),
      });
  spans.sort((a, b) => b.score - a.score);
  return { spans: spans.slice(0, count), impossible };
}
