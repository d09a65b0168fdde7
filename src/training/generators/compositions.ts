import { Random } from "../../common/index.ts";
import { drawFunction, type FunctionName, functionNames } from "./string-functions.ts";
import { mixedCase, randomWord } from "./words.ts";

/** Two functions, of which the second is applied to the result of the first. */
export type Composition = readonly [first: FunctionName, second: FunctionName];

/** The share of composed functions that are held out. */
const HELD_OUT = 0.15;

/** Compositions that are always held out. */
const ALWAYS: readonly Composition[] = [
  ["first", "upper"],
  ["last", "upper"],
  ["first", "lower"],
  ["last", "lower"],
];

const probes = Array.from({ length: 48 }, (_, i) => {
  const random = new Random(0, i);
  return mixedCase(randomWord(random), random);
});

/** The results on the probes, the same for compositions that are the same function; families with fixed letters. */
function behaviour(names: readonly FunctionName[]): readonly string[] {
  const functions = names.map((name, i) => drawFunction(name, new Random(1, i)));
  return probes.map((word) => functions.reduce((result, apply) => apply(result), word));
}

/** The compositions that are learned from and those that are held out. */
export interface Split {
  readonly training: readonly Composition[];
  readonly heldOut: readonly Composition[];
}

/**
 * All compositions that are no single function and leave something of most words, split by what they do: compositions
 * that are the same function, such as upper of first and first of upper, are all learned or all held out.
 */
export function splitCompositions(): Split {
  const key = (names: readonly FunctionName[]): string => JSON.stringify(behaviour(names));
  const single = new Set(functionNames.map((name) => key([name])));
  const classes = new Map<string, Composition[]>();
  for (const first of functionNames)
    for (const second of functionNames) {
      const results = behaviour([first, second]);
      const isEmpty = results.filter((result) => result === "").length > probes.length / 4;
      const same = JSON.stringify(results);
      if (isEmpty || single.has(same)) continue;
      classes.set(same, [...(classes.get(same) ?? []), [first, second]]);
    }
  const always = new Set(ALWAYS.map(key));
  const random = new Random(2);
  const split: { training: Composition[]; heldOut: Composition[] } = { training: [], heldOut: [] };
  for (const [same, compositions] of classes) {
    const isHeldOut = random.next() < HELD_OUT || always.has(same);
    split[isHeldOut ? "heldOut" : "training"].push(...compositions);
  }
  return split;
}
