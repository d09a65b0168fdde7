/** Scores of classes, and how often each was predicted as each. */
export interface ClassScores {
  /** `accuracy`, and `macroF1`: the unweighted mean of F1 over the classes; each from 0 to 1. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Counts by actual class, then by predicted class. */
  readonly confusion: { readonly labels: readonly string[]; readonly counts: readonly (readonly number[])[] };
}

/** Confusion, accuracy and the mean F1 of the classes that are right or said somewhere. */
export function classScores(
  pairs: readonly (readonly [right: number, said: number])[],
  labels: readonly string[],
): ClassScores {
  const counts = labels.map(() => labels.map(() => 0));
  for (const [right, said] of pairs) (counts[right] as number[])[said] = ((counts[right] as number[])[said] ?? 0) + 1;
  const f1 = labels.flatMap((_, i) => {
    const own = counts[i]?.[i] as number;
    const right = (counts[i] as number[]).reduce((sum, n) => sum + n, 0);
    const said = counts.reduce((sum, row) => sum + (row[i] as number), 0);
    return right + said === 0 ? [] : [(2 * own) / (right + said)];
  });
  const accuracy = pairs.filter(([right, said]) => right === said).length / Math.max(1, pairs.length);
  const macroF1 = f1.reduce((sum, x) => sum + x, 0) / Math.max(1, f1.length);
  return { metrics: { accuracy, macroF1 }, confusion: { labels, counts } };
}
