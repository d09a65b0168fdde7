import { check, suggestion } from "../common/index.ts";
import type { Project, Setup } from "./file.ts";

/** Passages among which the mean reciprocal rank looks for the right one. */
export const DEPTH = 10;

const DEFAULT_RECALL = "recall@5";
const RANK = `mrr@${DEPTH}`;
/** The metrics of answers. */
const ANSWERS: readonly string[] = ["exact_match", "f1"];

/** The k of a metric `recall@k`; undefined for another one. */
export function recallAt(metric: string): number | undefined {
  const [, k] = /^recall@([1-9]\d{0,2})$/.exec(metric) ?? [];
  return k === undefined ? undefined : Number(k);
}

/** The metrics of questions about a folder, with those that gates ask for. @throws for a gate's metric that there is not */
export function askMetrics({ path }: Project, { reader }: Setup, asked: readonly string[]): string[] {
  const known = [DEFAULT_RECALL, RANK, ...(reader === undefined ? [] : ANSWERS)];
  for (const name of asked)
    check(
      known.includes(name) || recallAt(name) !== undefined,
      "config",
      () =>
        `${path}: gates: the task ask has no metric ${name}${suggestion(name, known)}${ANSWERS.includes(name) ? "; answers need a reader in choice" : ""}`,
    );
  return [...new Set([...known, ...asked])];
}
