import { Random } from "../../common/index.ts";
import { IGNORED_LABEL } from "../../graph/index.ts";
import type { Batch, StepResult } from "../run/step-graph.ts";
import { byLabels, type Evaluation, type SharedBatch, type TrainingTask } from "./task.ts";

/** The parts of a task of rows. */
export interface ExampleTaskOptions<R> {
  readonly training: readonly R[];
  readonly heldOut: readonly R[];
  /** Rows of a batch, and batches of a step. */
  readonly batchSize: number;
  readonly gradientAccumulationSteps: number;
  readonly seed: number;
  readonly lengthOf: (row: R) => number;
  /** Rows as one batch, filled up; what is drawn at random comes from `random`. */
  readonly build: (rows: readonly R[], random: Random) => Batch;
  /** The number of labels of a batch that count. */
  readonly count: (batch: Batch) => number;
  /** Sums up what held-out batches gave; of the last, only the first `count` rows are real. */
  readonly measure: (results: readonly Measured<R>[]) => Evaluation;
  readonly graph?: TrainingTask["graph"];
}

export interface Measured<R> {
  readonly rows: readonly R[];
  /** Rows that fill the batch up come behind; their labels do not count. */
  readonly count: number;
  readonly batch: Batch;
  readonly result: StepResult;
}

/** A batch in which rows from a place on have no label that counts; undefined where labels do not stand row by row. */
function withoutLabels({ extra, ...batch }: Batch, from: number): Batch | undefined {
  const { labels, targets, startPositions, endPositions } = batch;
  if (extra || !(labels ?? targets ?? startPositions)) return undefined;
  const vector = (values: readonly number[]): number[] => values.map((x, i) => (i < from ? x : IGNORED_LABEL));
  // A position is not counted where it lies behind the row.
  const behind = batch.inputIds[0]?.length ?? 0;
  const positions = (values: readonly number[]): number[] => values.map((x, i) => (i < from ? x : behind));
  const matrix = (rows: readonly (readonly number[])[]): (readonly number[])[] =>
    rows.map((row, i) => (i < from ? row : row.map(() => IGNORED_LABEL)));
  const isMatrix = Array.isArray(labels?.[0]);
  return {
    ...batch,
    ...(labels && { labels: isMatrix ? matrix(labels as number[][]) : vector(labels as number[]) }),
    ...(targets && { targets: matrix(targets) }),
    ...(startPositions && { startPositions: positions(startPositions) }),
    ...(endPositions && { endPositions: positions(endPositions) }),
  };
}

/** The number of batches that are sorted by length together: little is padding, and order stays random enough. */
const SORTED_TOGETHER = 50;

/**
 * Labelled examples. Each epoch takes each of them once, in an order drawn from (seed, epoch), alike in length side by
 * side. A batch that is not full keeps its shape, so that nothing is compiled for it: rows whose labels do not count
 * fill it up. Where labels do not stand row by row, as in comparisons within a batch, it is a smaller one.
 */
export class ExampleTask<R> implements TrainingTask {
  readonly stepsPerEpoch: number;
  readonly graph: NonNullable<TrainingTask["graph"]>;
  readonly #options: ExampleTaskOptions<R>;
  #epoch = -1;
  #order: number[][] = [];

  constructor(options: ExampleTaskOptions<R>) {
    const batchSize = Math.max(1, Math.min(options.batchSize, options.training.length)); // more would only be filling
    this.#options = { ...options, batchSize };
    this.stepsPerEpoch = Math.ceil(options.training.length / batchSize / options.gradientAccumulationSteps);
    this.graph = options.graph ?? {};
  }

  batches(step: number): readonly SharedBatch[] {
    const { gradientAccumulationSteps, training, seed, count } = this.#options;
    const epoch = Math.floor(step / this.stepsPerEpoch);
    if (epoch !== this.#epoch) this.#shuffle(epoch);
    const first = (step % this.stepsPerEpoch) * gradientAccumulationSteps;
    const batches = this.#order.slice(first, first + gradientAccumulationSteps).map((indices, part) =>
      this.#build(
        indices.map((i) => training[i] as R),
        () => new Random(seed, step, part, 3),
      ),
    );
    return byLabels(batches, count);
  }

  #build(real: readonly R[], random: () => Random): Batch {
    const { batchSize: size, build } = this.#options;
    if (real.length === size) return build(real, random());
    const filled = Array.from({ length: size }, (_, i) => real[Math.min(i, real.length - 1)] as R);
    return withoutLabels(build(filled, random()), real.length) ?? build(real, random());
  }

  evaluate = async (compute: (batch: Batch) => Promise<StepResult>): Promise<Evaluation> => {
    const { heldOut, batchSize: size, lengthOf, seed, measure } = this.#options;
    const sorted = [...heldOut].sort((a, b) => lengthOf(a) - lengthOf(b));
    const results: Measured<R>[] = [];
    for (let at = 0; at < sorted.length; at += size) {
      const real = sorted.slice(at, at + size);
      const batch = this.#build(real, () => new Random(seed, at, 0, 4));
      results.push({ rows: real, count: real.length, batch, result: await compute(batch) });
    }
    return measure(results);
  };

  #shuffle(epoch: number): void {
    const { training, batchSize, seed, lengthOf } = this.#options;
    const random = new Random(seed, epoch, 0, 5);
    const order = random.shuffle(Array.from(training.keys()));
    const batches: number[][] = [];
    for (let at = 0; at < order.length; at += batchSize * SORTED_TOGETHER) {
      const together = order.slice(at, at + batchSize * SORTED_TOGETHER);
      together.sort((a, b) => lengthOf(training[a] as R) - lengthOf(training[b] as R) || a - b);
      for (let i = 0; i < together.length; i += batchSize) batches.push(together.slice(i, i + batchSize));
    }
    this.#order = random.shuffle(batches);
    this.#epoch = epoch;
  }
}
