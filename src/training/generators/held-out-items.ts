import { Random } from "../../common/index.ts";
import { compositions, examplesOf, type InContextExample } from "./in-context-tasks.ts";
import { drawFunction, primitives } from "./string-functions.ts";

/** A question of a held-out task, and examples of the task to put before it. */
export interface HeldOutItem {
  /** The names of the two functions, the first applied first. */
  readonly task: string;
  /** The examples, none with the question's input. */
  readonly examples: readonly InContextExample[];
  /** The question. */
  readonly input: string;
  /** The only right answer. */
  readonly output: string;
}

/** The stream of random numbers; rows of training have 0 and 1. */
const ITEMS = 2;

/**
 * Questions of compositions that no training row has, each of a task of its own. Items whose lines a single function
 * without parameters would explain too are drawn anew.
 * @param count the number of items
 * @param shots the number of examples of each
 */
export function heldOutItems(count: number, shots: number, seed = 1): HeldOutItem[] {
  const { heldOut } = compositions();
  return Array.from({ length: count }, (_, i) => {
    for (let attempt = 0; ; attempt++) {
      const random = new Random(seed, attempt, i, ITEMS);
      const names = heldOut[random.nextInt(heldOut.length)] as (typeof heldOut)[number];
      const [inner, outer] = names.map((name) => drawFunction(name, random)) as [
        (word: string) => string,
        (word: string) => string,
      ];
      const lines = distinct(
        examplesOf((word) => outer(inner(word)), random, true),
        shots + 1,
      );
      if (isSingle(lines)) continue;
      const { input, output } = lines.pop() as InContextExample;
      return { task: names.join(" "), examples: lines, input, output };
    }
  });
}

/** The first examples whose inputs differ. */
function distinct(all: Iterable<InContextExample>, count: number): InContextExample[] {
  const found = new Map<string, InContextExample>();
  for (const example of all) {
    if (!found.has(example.input)) found.set(example.input, example);
    if (found.size === count) break;
  }
  return [...found.values()];
}

/** True if one function without parameters gives all results. */
function isSingle(lines: readonly InContextExample[]): boolean {
  return Object.values(primitives).some((apply) => lines.every(({ input, output }) => apply(input) === output));
}
