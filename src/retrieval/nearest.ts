/** A row that a search found. */
export interface Scored {
  /** Its position among the rows. */
  readonly row: number;
  readonly score: number;
}

/** The rows with the highest scores, the best first; of equal ones, the first. */
export function best(scores: ArrayLike<number>, count: number): Scored[] {
  const kept: Scored[] = [];
  for (let row = 0; row < scores.length; row++) {
    const score = scores[row] as number;
    const last = kept.at(-1);
    if (kept.length === count && last && score <= last.score) continue;
    let at = kept.length;
    while (at > 0 && (kept[at - 1] as Scored).score < score) at--;
    kept.splice(at, 0, { row, score });
    if (kept.length > count) kept.pop();
  }
  return kept;
}

/** The vectors with the largest products with another one, by computing all: exact, in time that grows with their number. */
export function nearestOf(vectors: readonly Float32Array[], query: Float32Array, count: number): Scored[] {
  return best(
    vectors.map((vector) => dot(vector, query)),
    count,
  );
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
