import type { Random } from "../../common/index.ts";
import { type Composition, splitCompositions } from "./compositions.ts";
import { drawFunction, functionNames, properties, type StringFunction } from "./string-functions.ts";
import { mixedCase, randomCase, randomLetters, randomWord } from "./words.ts";

/** The shares of tasks that sort words into two classes, and that apply one function; the others compose two. */
const [CLASSIFYING, SINGLE] = [0.12, 0.38];

/** Longer results are not asked for. */
const LONGEST_OUTPUT = 16;

/** A word and the result of the task's function. */
export interface InContextExample {
  readonly input: string;
  readonly output: string;
}

let split: ReturnType<typeof splitCompositions> | undefined;

/** The compositions, split once a process. */
export function compositions(): ReturnType<typeof splitCompositions> {
  split ??= splitCompositions();
  return split;
}

/** A composed function; letters of families are drawn. */
export function drawComposition(of: readonly Composition[], random: Random): StringFunction {
  const [first, second] = of[random.nextInt(of.length)] as Composition;
  const [inner, outer] = [drawFunction(first, random), drawFunction(second, random)];
  return (word) => outer(inner(word));
}

/** A task to learn from: a function, a composition that is not held out, or two classes with random names. */
export function drawTask(random: Random): StringFunction {
  const dice = random.next();
  if (dice < CLASSIFYING) {
    const all = Object.values(properties);
    const has = all[random.nextInt(all.length)] as (word: string) => boolean;
    const names = [randomLetters(random), randomLetters(random)] as const;
    return (word) => names[has(word) ? 1 : 0];
  }
  if (dice < CLASSIFYING + SINGLE)
    return drawFunction(functionNames[random.nextInt(functionNames.length)] as (typeof functionNames)[number], random);
  return drawComposition(compositions().training, random);
}

/** Examples of a task with random words, without end. @param isMixed the case of each word is drawn by itself */
export function* examplesOf(task: StringFunction, random: Random, isMixed = false): Generator<InContextExample> {
  const withCase = isMixed ? mixedCase : randomCase(random);
  for (;;) {
    const input = withCase(randomWord(random), random);
    const output = task(input);
    if (output.length <= LONGEST_OUTPUT) yield { input, output };
  }
}
