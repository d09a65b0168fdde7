import { argmax, type Outcome } from "../tasks/outcome.ts";

/** Counts of items by right, then by predicted choice. */
export interface Confusion {
  /** The choices, in the order of the rows and of the columns of `counts`. */
  readonly labels: readonly string[];
  /** `[labels][labels]`: the number of items, by the index of the right choice, then of the predicted one. */
  readonly counts: readonly (readonly number[])[];
}

/** The confusion of a task whose items all have the same choices, and one right one; undefined for others. */
export function confusionOf(outcomes: readonly Outcome[]): Confusion | undefined {
  const [first] = outcomes;
  if (first?.output !== "multiple_choice") return undefined;
  const labels = first.choices;
  const counts = labels.map(() => labels.map(() => 0));
  for (const outcome of outcomes) {
    if (outcome.output !== "multiple_choice" || outcome.choices.join("\n") !== labels.join("\n")) return undefined;
    const row = counts[outcome.right[0] ?? -1];
    const said = argmax(outcome.logLikelihoods);
    if (row) row[said] = (row[said] as number) + 1;
  }
  return { labels, counts };
}
