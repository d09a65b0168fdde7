import { check, LecternError } from "../../common/index.ts";
import { type AnyPrompt, rankExamples, shuffled, type Values } from "../../prompting/index.ts";

/** One way to write a prompt: a template, a set of examples, an order of them. */
export interface Candidate {
  /** The index of the template among those given. */
  readonly template: number;
  /** The number of the set of examples, from 0. */
  readonly set: number;
  /** The number of the order within the set, from 0. */
  readonly order: number;
  /** The indices of the examples, in the order in which they are written. */
  readonly examples: readonly number[];
}

/** The size of a search. */
export interface SearchSpace {
  /** Examples in a prompt. */
  readonly shots: number;
  /** Sets of examples. */
  readonly sets: number;
  /** Orders of each set. */
  readonly orders: number;
  readonly selection: "balanced" | "random";
  readonly seed: number;
}

/** Draws for each set or order that is wanted, before there are taken to be no more. */
const TRIES = 50;

/**
 * Every template with the same sets of examples in the same orders. Sets and orders are drawn by the seed without
 * repetition; where there are fewer, there are fewer candidates.
 */
export async function drawCandidates(
  templates: readonly AnyPrompt[],
  examples: readonly Values[],
  { shots, sets, orders, selection, seed }: SearchSpace,
): Promise<Candidate[]> {
  check(
    shots <= examples.length,
    "usage",
    () => `optimize: ${shots} shots are asked for, and there are ${examples.length} examples`,
  );
  const drawn = await distinct(
    sets,
    async (n) => rankExamples(selection, candidatesOf(templates, examples), { count: shots, seed: seed + n }),
    (set) => set.toSorted((a, b) => a - b).join(),
  );
  const ordered = await Promise.all(
    drawn.map((set, n) =>
      distinct(
        orders,
        async (m) => (m === 0 ? set : shuffled(set, seed + 1000 * (n + 1) + m)),
        (order) => order.join(),
      ),
    ),
  );
  return templates.flatMap((_, template) =>
    ordered.flatMap((own, set) => own.map((indices, order) => ({ template, set, order, examples: indices }))),
  );
}

/** As many draws as are wanted that differ, or as there are. */
async function distinct(
  count: number,
  draw: (n: number) => Promise<readonly number[]>,
  keyOf: (drawn: readonly number[]) => string,
): Promise<(readonly number[])[]> {
  const found = new Map<string, readonly number[]>();
  for (let n = 0; n < count * TRIES && found.size < count; n++) {
    const drawn = await draw(n);
    if (!found.has(keyOf(drawn))) found.set(keyOf(drawn), drawn);
  }
  return [...found.values()];
}

/** The examples as the first template writes them; checked as every template does. */
function candidatesOf(templates: readonly AnyPrompt[], rows: readonly Values[]): Parameters<typeof rankExamples>[1] {
  const [pairs] = templates.map((prompt) =>
    rows.map((row, i) => {
      try {
        return prompt.example(prompt.pick(row));
      } catch (cause) {
        if (!(cause instanceof LecternError)) throw cause;
        throw new LecternError(cause.code, `example ${i + 1}: ${cause.message}`, { cause });
      }
    }),
  );
  return {
    items: pairs?.map(({ item }) => item) ?? [],
    answers: pairs?.map(({ answer }) => answer) ?? [],
    question: "",
  };
}
