import { expect, test } from "vitest";
import { IGNORED_LABEL } from "../../graph/index.ts";
import type { Batch } from "../run/step-graph.ts";
import { ExampleTask } from "./example-task.ts";

const [count, rows, gradientAccumulationSteps] = [23, 4, 2];

function taskOf(build: (rows: readonly number[]) => Batch): ExampleTask<number> {
  return new ExampleTask<number>({
    training: Array.from({ length: count }, (_, i) => i),
    heldOut: [40, 41, 42, 43, 44],
    batchSize: rows,
    gradientAccumulationSteps,
    seed: 2,
    lengthOf: (row) => row % 5,
    build,
    count: ({ labels }) => (labels as number[] | undefined)?.filter((label) => label >= 0).length ?? 1,
    measure: (results) => ({
      loss: 0,
      metrics: {
        seen: results.reduce((sum, { batch }) => sum + (batch.labels as number[]).filter((x) => x >= 0).length, 0),
      },
    }),
  });
}

const labelled = (rows: readonly number[]): Batch => ({ inputIds: rows.map((row) => [row]), labels: [...rows] });

test("each example counts exactly once an epoch, and every batch has the shape of a full one", () => {
  const task = taskOf(labelled);
  expect(task.stepsPerEpoch).toBe(3);
  for (const epoch of [0, 1]) {
    const steps = [0, 1, 2].map((step) => task.batches(epoch * 3 + step));
    const batches = steps.flat().map(({ batch }) => batch);
    expect(batches.map(({ inputIds }) => inputIds.length)).toEqual([4, 4, 4, 4, 4, 4]);
    const labels = batches.flatMap(({ labels }) => labels as number[]);
    expect(labels.filter((label) => label === IGNORED_LABEL)).toHaveLength(1);
    expect(labels.filter((label) => label >= 0).sort((a, b) => a - b)).toEqual(
      Array.from({ length: count }, (_, i) => i),
    );
    for (const parts of steps) expect(parts.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
    const short = steps.find((parts) => parts.some(({ batch }) => (batch.labels as number[]).includes(IGNORED_LABEL)));
    expect(short?.map(({ share }) => share).sort()).toEqual([3 / 7, 4 / 7]);
  }
});

test("rows that are compared within a batch make a smaller one at the end instead", () => {
  const batches = [0, 1, 2].flatMap((step) => taskOf((rows) => ({ inputIds: rows.map((row) => [row]) })).batches(step));
  const seen = batches.flatMap(({ batch }) => batch.inputIds.flat());
  expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
});

test("held-out rows that fill the last batch up do not count", async () => {
  const { metrics } = await taskOf(labelled).evaluate(async () => ({ loss: 1, gradients: {}, outputs: {} }));
  expect(metrics.seen).toBe(5);
});
