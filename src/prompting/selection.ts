import { check, Random } from "../common/index.ts";

/** How the examples of a prompt are chosen. */
export const selections = ["fixed", "random", "balanced", "nearest", "diverse"] as const;
/** A selection of examples; `rankExamples` describes each. */
export type Selection = (typeof selections)[number];

/** Turns texts into vectors whose cosines say how alike they are, as `model.embed` does. */
export type Embed = (texts: readonly string[]) => Promise<readonly ArrayLike<number>[]>;

/** What a selection chooses from. */
export interface Candidates {
  /** The text of each example's item. */
  readonly items: readonly string[];
  /** The text of each example's answer: its class. */
  readonly answers: readonly string[];
  /** The item that is asked about. */
  readonly question: string;
}

/** Relevance counts as much as difference from what is chosen already. */
const RELEVANCE = 0.5;

/**
 * The indices of examples by their use, the most useful first.
 *
 * - `fixed`: in the order of the list
 * - `random`: drawn by the seed
 * - `balanced`: the classes in turn, drawn by the seed within each
 * - `nearest`: by the cosine of their item's vector with the question's (Liu et al., 2022, arXiv 2101.06804)
 * - `diverse`: by maximal marginal relevance: near the question, unlike those before (Carbonell and Goldstein, 1998)
 *
 * @throws LecternError where a selection by likeness has no `embed`
 */
export async function rankExamples(
  selection: Selection,
  candidates: Candidates,
  { count, seed, embed }: { readonly count: number; readonly seed: number; readonly embed?: Embed | undefined },
): Promise<number[]> {
  const all = candidates.items.map((_, i) => i);
  if (selection === "fixed") return all.slice(0, count);
  if (selection === "random") return shuffled(all, seed).slice(0, count);
  if (selection === "balanced") return balanced(candidates.answers, seed).slice(0, count);
  check(
    embed,
    "usage",
    () =>
      `prompt: selection ${selection} compares examples by their vectors: give an embedder (embed; on the command line --embedder), such as a sentence encoder`,
  );
  const vectors = (await embed([candidates.question, ...candidates.items])).map(normalized);
  const [question, ...items] = vectors as [Float64Array, ...Float64Array[]];
  const relevance = items.map((item) => dot(item, question));
  if (selection === "nearest")
    return all.sort((a, b) => (relevance[b] as number) - (relevance[a] as number)).slice(0, count);
  return diverse(items, relevance, count);
}

/** The indices in an order that a seed draws (Fisher–Yates). */
export function shuffled(indices: readonly number[], seed: number): number[] {
  const random = new Random(seed);
  const order = [...indices];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.nextInt(i + 1);
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}

function balanced(answers: readonly string[], seed: number): number[] {
  const classes = new Map<string, number[]>();
  for (const index of shuffled([...answers.keys()], seed)) {
    const label = answers[index] as string;
    classes.set(label, [...(classes.get(label) ?? []), index]);
  }
  const longest = Math.max(0, ...[...classes.values()].map((indices) => indices.length));
  return Array.from({ length: longest }, (_, turn) =>
    [...classes.values()].flatMap((indices) => (turn < indices.length ? [indices[turn] as number] : [])),
  ).flat();
}

function diverse(items: readonly Float64Array[], relevance: readonly number[], count: number): number[] {
  const chosen: number[] = [];
  const open = new Set(items.keys());
  const likeness = items.map(() => 0);
  while (chosen.length < count && open.size > 0) {
    const worth = (i: number): number =>
      RELEVANCE * (relevance[i] as number) - (1 - RELEVANCE) * (likeness[i] as number);
    const best = [...open].reduce((first, i) => (worth(i) > worth(first) ? i : first));
    chosen.push(best);
    open.delete(best);
    for (const i of open)
      likeness[i] = Math.max(
        chosen.length === 1 ? Number.NEGATIVE_INFINITY : (likeness[i] as number),
        dot(items[i] as Float64Array, items[best] as Float64Array),
      );
  }
  return chosen;
}

function normalized(vector: ArrayLike<number>): Float64Array {
  const copy = Float64Array.from(vector);
  const norm = Math.sqrt(dot(copy, copy)) || 1;
  return copy.map((entry) => entry / norm);
}

function dot(a: Float64Array, b: Float64Array): number {
  check(a.length === b.length, "shape", () => `prompt: embed gave vectors of ${a.length} and ${b.length} numbers`);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
