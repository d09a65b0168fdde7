import { passAtK, passHatK } from "../statistics/pass-at-k.ts";
import type { Task } from "../tasks/task.ts";
import type { Item } from "./items.ts";
import { outcomesOf } from "./outcomes.ts";
import type { ItemRecord } from "./store.ts";

/** Shares of items that are solved, by the number k of answers. */
export interface PassRates {
  /** The metric that says whether an answer is right: 1 is right. */
  readonly metric: string;
  /** The share of items that at least one of k answers solves, k from 1. */
  readonly passAt: readonly number[];
  /** The share of items that all of k answers solve, k from 1. */
  readonly passHat: readonly number[];
}

/** pass@k and pass^k of a task with several sampled answers to each item; undefined for others. */
export function passRates(task: Task, items: readonly Item[], records: readonly ItemRecord[]): PassRates | undefined {
  const { repeats, output, metrics } = task;
  const [metric] = metrics;
  if (repeats < 2 || output !== "generate_until" || metric?.aggregation !== "mean") return undefined;
  const solved = items.map((item, i) => {
    const answers = records[i]?.response.answers ?? [];
    return answers.filter((answer) => {
      const [outcome] = outcomesOf({ ...task, repeats: 1 }, item, { answers: [answer] }).values();
      return outcome !== undefined && metric.value(outcome) === 1;
    }).length;
  });
  const mean = (rate: (correct: number, k: number) => number): number[] =>
    Array.from({ length: repeats }, (_, i) => solved.reduce((sum, n) => sum + rate(n, i + 1), 0) / solved.length);
  return {
    metric: metric.name,
    passAt: mean((correct, k) => passAtK(repeats, correct, k)),
    passHat: mean((correct, k) => passHatK(repeats, correct, k)),
  };
}
