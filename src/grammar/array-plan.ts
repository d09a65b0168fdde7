import type { ArrayRule, ItemChoice } from "./grammar.ts";

/** The progress of an array: items so far, and of each condition of `contains` those that fit it, no further than matters. */
export interface ArrayProgress {
  readonly index: number;
  readonly counts: readonly number[];
}

export const ARRAY_START = (rule: ArrayRule): ArrayProgress => ({ index: 0, counts: rule.contains.map(() => 0) });

/** The choices of items that an array may go on with, so that it can always be finished. */
export class ArrayPlan {
  readonly #rule: ArrayRule;
  readonly #canWrite: (node: number) => boolean;
  readonly #known = new Map<string, boolean>();
  /** The index from which on all items are alike. */
  readonly #settled: number;

  /** @param canWrite whether a node has a value; all have in a finished grammar */
  constructor(rule: ArrayRule, canWrite: (node: number) => boolean = () => true) {
    this.#rule = rule;
    this.#canWrite = canWrite;
    this.#settled = Math.max(rule.prefix.length, rule.least);
  }

  /** True where no two items may be equal. */
  get isDistinct(): boolean {
    return this.#rule.distinct !== undefined;
  }

  /** The number of items that there are. */
  get distinct(): number {
    return this.#rule.distinct ?? Number.POSITIVE_INFINITY;
  }

  canEnd({ index, counts }: ArrayProgress): boolean {
    const { least, most, contains } = this.#rule;
    return index >= least && index <= most && contains.every((one, i) => (counts[i] as number) >= one.least);
  }

  /** The items that may come next, each with the progress after it. */
  next(progress: ArrayProgress): readonly { readonly choice: ItemChoice; readonly after: ArrayProgress }[] {
    const { prefix, rest, most } = this.#rule;
    if (progress.index >= most) return [];
    return (prefix[progress.index] ?? rest).flatMap((choice) => {
      if (!this.#canWrite(choice.value)) return [];
      const after = this.#after(progress, choice);
      return after && this.canFinish(after) ? [{ choice, after }] : [];
    });
  }

  canFinish(progress: ArrayProgress): boolean {
    if (this.canEnd(progress)) return true;
    const { contains, prefix, rest, least } = this.#rule;
    if (contains.length === 0) {
      for (let i = progress.index; i < Math.min(least, prefix.length + 1); i++)
        if (!(prefix[i] ?? rest).some(({ value }) => this.#canWrite(value))) return false;
      return least <= this.#rule.most;
    }
    const key = `${progress.index} ${progress.counts.join()}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#known.set(key, false); // an item that changes nothing brings it no further
    const can = this.next(progress).length > 0;
    this.#known.set(key, can);
    return can;
  }

  #after({ index, counts }: ArrayProgress, { counts: bits }: ItemChoice): ArrayProgress | undefined {
    const { contains, most } = this.#rule;
    const after = counts.map((count, i) => {
      const one = contains[i] as { least: number; most: number };
      const more = count + ((bits >> i) & 1);
      return one.most === Number.POSITIVE_INFINITY ? Math.min(more, one.least) : more;
    });
    if (after.some((count, i) => count > (contains[i] as { most: number }).most)) return undefined;
    const next = index + 1;
    return { index: most === Number.POSITIVE_INFINITY ? Math.min(next, this.#settled) : next, counts: after };
  }
}
