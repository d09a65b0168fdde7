import type { HostTensor } from "../../tensor/index.ts";
import type { Batch, StepOptions, StepResult } from "../run/step-graph.ts";

/** The data of a run. A step's batches follow from its number alone, so that a run can be resumed. */
export interface TrainingTask {
  /** The number of steps in an epoch. */
  readonly stepsPerEpoch: number;
  /** The batches of a step, and how much each counts. */
  batches(step: number): readonly SharedBatch[];
  /** The evaluation of the task; each call gives the same batches. */
  evaluate?: ((compute: (batch: Batch) => Promise<StepResult>) => Promise<Evaluation>) | undefined;
  /** The objective and results of the graphs, where it is not the loss of the model's own head. */
  readonly graph?: Pick<StepOptions, "objective" | "outputs">;
  /** The state of a recurrent model at the beginning of a text; other models begin each window anew. */
  restart?(step: number): Record<string, HostTensor<"float32">> | undefined;
}

/** A batch, and its weight in the loss of the step. */
export interface SharedBatch {
  /** The rows. */
  readonly batch: Batch;
  /** The weight of the batch's loss in the step. */
  readonly share: number;
}

/** The metrics of an evaluation. */
export interface Evaluation {
  /** The mean loss of the held-out data. */
  readonly loss: number;
  /** By name, such as `accuracy`; higher is better but for those that end in `loss`. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Rows are what is right, columns what was said. */
  readonly confusion?: { readonly labels: readonly string[]; readonly counts: readonly (readonly number[])[] };
}

/** Shares of batches whose losses are means: each label counts alike. */
export function byLabels(batches: readonly Batch[], count: (batch: Batch) => number): SharedBatch[] {
  const counts = batches.map(count);
  const total = counts.reduce((sum, n) => sum + n, 0);
  return batches.map((batch, i) => ({ batch, share: (counts[i] as number) / Math.max(1, total) }));
}

/** The number of labels of rows that count. */
export function countedLabels(rows: readonly (readonly number[])[]): number {
  return rows.reduce((sum, row) => sum + row.filter((label) => label >= 0).length, 0);
}
