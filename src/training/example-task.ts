import { Random } from "../common/index.ts";
import type { Batch, StepResult } from "./step-graph.ts";
import { byLabels, type Evaluation, type SharedBatch, type Task } from "./task.ts";

/** What makes a task of rows. */
export interface ExampleTaskOptions<R> {
  readonly training: readonly R[];
  readonly heldOut: readonly R[];
  /** Rows of a batch, and batches of a step. */
  readonly rows: number;
  readonly accumulate: number;
  readonly seed: number;
  readonly lengthOf: (row: R) => number;
  /** Rows as one batch, filled up; what is drawn at random comes from `random`. */
  readonly build: (rows: readonly R[], random: Random) => Batch;
  /** How many labels of a batch count. */
  readonly count: (batch: Batch) => number;
  /** Sums up what held-out batches gave; of the last, only the first `count` rows are real. */
  readonly measure: (results: readonly Measured<R>[]) => Evaluation;
  readonly graph?: Task["graph"];
}

export interface Measured<R> {
  readonly rows: readonly R[];
  /** Rows that are there to fill the batch come behind. */
  readonly count: number;
  readonly batch: Batch;
  readonly result: StepResult;
}

/** How many batches are sorted by length together: little is padding, and order stays random enough. */
const SORTED_TOGETHER = 50;

/** Labelled examples. Each epoch takes all of them in an order drawn from (seed, epoch), alike in length side by side. */
export class ExampleTask<R> implements Task {
  readonly stepsPerEpoch: number;
  readonly graph: NonNullable<Task["graph"]>;
  readonly #options: ExampleTaskOptions<R>;
  #epoch = -1;
  #order: number[][] = [];

  constructor(options: ExampleTaskOptions<R>) {
    this.#options = options;
    this.stepsPerEpoch = Math.ceil(options.training.length / options.rows / options.accumulate);
    this.graph = options.graph ?? {};
  }

  batches(step: number): readonly SharedBatch[] {
    const { accumulate, training, build, seed, count } = this.#options;
    const epoch = Math.floor(step / this.stepsPerEpoch);
    if (epoch !== this.#epoch) this.#shuffle(epoch);
    const first = (step % this.stepsPerEpoch) * accumulate;
    const batches = this.#order.slice(first, first + accumulate).map((indices, part) =>
      build(
        indices.map((i) => training[i] as R),
        new Random(seed, step, part, 3),
      ),
    );
    return byLabels(batches, count);
  }

  evaluate = async (compute: (batch: Batch) => Promise<StepResult>): Promise<Evaluation> => {
    const { heldOut, rows: size, lengthOf, build, seed, measure } = this.#options;
    const sorted = [...heldOut].sort((a, b) => lengthOf(a) - lengthOf(b));
    const results: Measured<R>[] = [];
    for (let at = 0; at < sorted.length; at += size) {
      const real = sorted.slice(at, at + size);
      const filled = Array.from({ length: size }, (_, i) => real[Math.min(i, real.length - 1)] as R);
      const batch = build(filled, new Random(seed, at, 0, 4));
      results.push({ rows: real, count: real.length, batch, result: await compute(batch) });
    }
    return measure(results);
  };

  #shuffle(epoch: number): void {
    const { training, rows, accumulate, seed, lengthOf } = this.#options;
    const random = new Random(seed, epoch, 0, 5);
    const order = random.shuffle(Array.from(training.keys()));
    const needed = this.stepsPerEpoch * rows * accumulate;
    const all = Array.from({ length: needed }, (_, i) => order[i % order.length] as number);
    const batches: number[][] = [];
    for (let at = 0; at < needed; at += rows * SORTED_TOGETHER) {
      const together = all.slice(at, at + rows * SORTED_TOGETHER);
      together.sort((a, b) => lengthOf(training[a] as R) - lengthOf(training[b] as R) || a - b);
      for (let i = 0; i < together.length; i += rows) batches.push(together.slice(i, i + rows));
    }
    this.#order = random.shuffle(batches);
    this.#epoch = epoch;
  }
}
