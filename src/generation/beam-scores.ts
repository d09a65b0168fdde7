/** A hypothesis as its length penalty sees it: the sum of its log-probabilities, and its number of new tokens. */
export interface Scored {
  readonly score: number;
  readonly ids: readonly number[];
}

/**
 * A beam's score: the sum of its log-probabilities, divided by its length to the power of `lengthPenalty`. Powers that
 * are too large for a number are kept within its range.
 */
export function weighedScore({ score, ids }: Scored, lengthPenalty: number, length = ids.length): number {
  const weighed = score === 0 ? 0 : score / length ** lengthPenalty;
  return Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, weighed));
}

/**
 * Compares beams by their weighed scores, the better first, for sorting. The quotient of the lengths is raised instead
 * of each length, so that no penalty is too large to compare by.
 */
export function byWeighedScore(lengthPenalty: number): (a: Scored, b: Scored) => number {
  return (a, b) => {
    const factor = a.ids.length === b.ids.length ? 1 : (a.ids.length / b.ids.length) ** lengthPenalty;
    const other = b.score === 0 ? 0 : b.score * factor;
    return a.score === other ? 0 : other - a.score;
  };
}
