import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadModel } from "../../src/inference/index.ts";
import { type HostTensor, toFloat32 } from "../../src/tensor/index.ts";
import { fixture, maxDifference, readTensors, rowsOf } from "../helpers/fixtures.ts";

/** Reference: transformers 5.24.0 or 5.23.0, float32; some gradients are stored as float16, within 5e-4. */
const LOSS_TOLERANCE = 1e-4;
const GRADIENT_TOLERANCE = 1e-3;

const FILE = "gradients.safetensors";

/** The cases with recorded gradients: layers and heads that no larger reference model has. */
const names = readdirSync(fixture("cases")).filter((name) => existsSync(join(fixture("cases"), name, FILE)));

test.each(names)("%s has the reference's loss, and the gradient of every parameter within 1e-3", async (name) => {
  const directory = join(fixture("cases"), name);
  const expected = await readTensors(directory, FILE);
  const rows = (key: string): number[][] => rowsOf(expected[key] as HostTensor);
  const model = await loadModel(directory);
  const list = (key: string): number[] => Array.from(expected[key]?.data ?? [], Number);
  const inputs = {
    inputIds: rows("ids"),
    attentionMask: rows("mask"),
    ...(expected.labels && { labels: expected.labels.shape.length === 1 ? list("labels") : rows("labels") }),
    ...(expected.start_positions && {
      startPositions: list("start_positions"),
      endPositions: list("end_positions"),
    }),
  };
  const { loss, gradients = {} } = await model.forward(inputs, { gradients: true });
  await model.dispose();
  expect(Math.abs((loss as number) - Number(expected.loss?.data[0]))).toBeLessThan(LOSS_TOLERANCE);
  const recorded = Object.keys(expected).filter((key) => key.startsWith("grad."));
  expect(Object.keys(gradients).sort()).toEqual(recorded.map((key) => key.slice(5)).sort());
  for (const key of recorded) {
    const reference = expected[key] as HostTensor;
    const largest = toFloat32(reference.dtype, reference.data).reduce((most, x) => Math.max(most, Math.abs(x)), 1e-3);
    const difference = maxDifference(gradients[key.slice(5)] as HostTensor, reference) / largest;
    expect(difference, key).toBeLessThan(GRADIENT_TOLERANCE);
  }
});
