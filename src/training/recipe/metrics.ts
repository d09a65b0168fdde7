import { check } from "../../common/index.ts";
import type { RunConfig } from "../run/run.ts";
import type { TrainingTaskName } from "../tasks/task-names.ts";

/** The metrics of a task for which more is better. */
export const taskMetrics: Readonly<Record<TrainingTaskName, readonly string[]>> = {
  "text-classification": ["accuracy", "macroF1"],
  "token-classification": ["accuracy", "macroF1"],
  "question-answering": ["exactMatch"],
  "fill-mask": [],
  "text-generation": [],
  "text2text-generation": [],
  "sentence-similarity": [],
  reward: ["accuracy"],
  preference: ["margin", "accuracy"],
};

/** Refuses what a run could only fail by, or pass over, after its first steps. */
export function checkMetrics(
  { metricForBestModel, patience, evaluateEvery }: Pick<RunConfig, "metricForBestModel" | "patience" | "evaluateEvery">,
  known: readonly string[],
  what: string,
): void {
  const needing =
    metricForBestModel !== undefined ? "metricForBestModel" : patience !== undefined ? "patience" : undefined;
  check(
    needing === undefined || evaluateEvery !== undefined,
    "config",
    () => `${what}: ${needing} needs evaluateEvery, the number of steps between evaluations`,
  );
  check(metricForBestModel === undefined || known.includes(metricForBestModel), "config", () =>
    known.length > 0
      ? `${what}: metricForBestModel: this task does not measure ${metricForBestModel}; it measures ${known.join(", ")}`
      : `${what}: metricForBestModel: this task measures nothing to have more of; leave it out: the least loss is best`,
  );
}
