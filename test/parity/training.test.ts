import { describe, expect, test } from "vitest";
import { decoderOf, openModelFiles } from "../../src/model/model-files.ts";
import { openFiles } from "../../src/runtime/index.ts";
import { type HostTensor, toFloat32 } from "../../src/tensor/index.ts";
import {
  clipGlobalNorm,
  cosineRate,
  type Parameters,
  StepGraph,
  startState,
  trainStep,
} from "../../src/training/index.ts";
import { fixture, maxDifference, readJson, readTensors, rowsOf } from "../helpers/fixtures.ts";

interface Expected {
  schedule: { num_warmup_steps: number; num_training_steps: number };
  cases: Record<string, { batches_per_step: number; mean_over: string; losses: number[]; grad_norms?: number[] }>;
}

const tensorOf = (all: Record<string, HostTensor>, key: string): HostTensor => all[key] as HostTensor;

/** Reference: torch 2.15.0 and transformers 5.23.0 in float64. Losses within 1e-4, final weights within 1e-3. */
describe.each(["gpt2", "llama"])("training the tiny %s", async (name) => {
  const directory = fixture(`training/curves/${name}`);
  const expected = await readJson<Expected>(`${directory}/expected.json`);
  const batches = await readTensors(directory, "batches.safetensors");

  test.each(Object.keys(expected.cases))("repeats the reference's run: %s", async (key) => {
    const recorded = expected.cases[key] as Expected["cases"][string];
    const files = await openModelFiles(await openFiles(directory));
    const { weights } = files;
    const { family, config } = decoderOf(files);
    const parameters: Parameters = {};
    for (const path of weights.checkpoint.names()) {
      const { shape, dtype, data } = await weights.checkpoint.read(path);
      parameters[path] = { dtype: "float32", shape, data: Float32Array.from(toFloat32(dtype, data)) };
    }
    const state = startState(parameters);
    const [rows, length] = tensorOf(batches, "0.input_ids").shape as [number, number];
    const graph = await StepGraph.create(family, config, { rows, length, gradients: true });
    const { num_warmup_steps: warmupSteps, num_training_steps: totalSteps } = expected.schedule;
    for (const [step, loss] of recorded.losses.entries()) {
      const group = Array.from({ length: recorded.batches_per_step }, (_, i) =>
        readBatch(batches, step * recorded.batches_per_step + i),
      );
      const total = group.reduce((sum, { counted }) => sum + counted, 0);
      const shares = group.map(({ batch, counted }) => ({
        batch,
        share: recorded.mean_over === "tokens" ? counted / total : 1 / group.length,
      }));
      const rate = cosineRate({ rate: 1e-3, warmupSteps, totalSteps }, step);
      const result = await trainStep(graph, state, shares, { rate, clip: 1, weightDecay: 0.1 });
      expect(Math.abs(result.loss - loss), `loss of step ${step}`).toBeLessThan(1e-4);
    }
    const final = await readTensors(directory, `final-${key}.safetensors`);
    for (const [path, tensor] of Object.entries(final)) {
      expect(maxDifference(tensor, parameters[path] as HostTensor), path).toBeLessThan(1e-3);
    }
  });
});

function readBatch(batches: Record<string, HostTensor>, index: number) {
  const labels = rowsOf(tensorOf(batches, `${index}.labels`));
  const targets = labels.map((row) => [...row.slice(1), -100]);
  const batch = {
    inputIds: rowsOf(tensorOf(batches, `${index}.input_ids`)),
    attentionMask: rowsOf(tensorOf(batches, `${index}.attention_mask`)),
    targets,
  };
  return { batch, counted: targets.flat().filter((label) => label >= 0).length };
}

test("clips by the global norm as torch does", async () => {
  const gradients = [Float32Array.of(3, 0), Float32Array.of(0, 4)];
  expect(clipGlobalNorm(gradients, 1)).toBe(5);
  expect(gradients[0]?.[0]).toBeCloseTo(0.6, 5);
  expect(gradients[1]?.[1]).toBeCloseTo(0.8, 5);
});

test("follows the reference's cosine schedule to 1e-12", async () => {
  const file = await readJson<Record<string, unknown>>(fixture("training/schedules.json"));
  const cases = (file.cases ?? file.schedules) as Record<string, { rates: number[] }>;
  const { rates } = cases.cosine as { rates: number[] };
  const options = {
    rate: file.learning_rate as number,
    warmupSteps: file.num_warmup_steps as number,
    totalSteps: file.num_training_steps as number,
  };
  expect(rates.length).toBeGreaterThan(10);
  for (const [step, rate] of rates.entries()) expect(cosineRate(options, step)).toBeCloseTo(rate, 12);
});
