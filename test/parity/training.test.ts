import { describe, expect, test } from "vitest";
import { openFiles } from "../../src/files/index.ts";
import { openModelFiles } from "../../src/inference/index.ts";
import { type HostTensor, toFloat32 } from "../../src/tensor/index.ts";
import {
  type Batch,
  type Parameters,
  StepGraph,
  startState,
  Trainer,
  type UpdateConfig,
} from "../../src/training/index.ts";
import { fixture, maxDifference, readJson, readTensors, rowsOf } from "../helpers/fixtures.ts";

interface Expected {
  optimizer: { lr: number; betas: [number, number]; eps: number; weight_decay: number };
  schedule: { num_warmup_steps: number; num_training_steps: number };
  max_grad_norm: number;
  cases: Record<string, { batches_per_step: number; mean_over: string; losses: number[]; grad_norms: number[] }>;
}

const tensorOf = (all: Record<string, HostTensor>, key: string): HostTensor => all[key] as HostTensor;

/**
 * Reference: torch 2.15.0 and transformers 5.23.0 in float64. Losses and norms within 1e-5 relative, final weights within
 * 1e-5; biases of keys, whose gradient is zero but for rounding, within 1e-4.
 */
const TOLERANCE = 1e-5;

describe.each(["gpt2", "llama", "bert", "t5"])("training the tiny %s", async (name) => {
  const directory = fixture(`training/curves/${name}`);
  const expected = await readJson<Expected>(`${directory}/expected.json`);
  const batches = await readTensors(directory, "batches.safetensors");
  const isDecoder = name === "gpt2" || name === "llama";

  test.each(Object.keys(expected.cases))("repeats the reference's run: %s", async (key) => {
    const recorded = expected.cases[key] as Expected["cases"][string];
    const { weights, architecture } = await openModelFiles(await openFiles(directory));
    const parameters: Parameters = {};
    for (const path of weights.checkpoint.names()) {
      const { shape, dtype, data } = await weights.checkpoint.read(path);
      parameters[path] = { dtype: "float32", shape, data: Float32Array.from(toFloat32(dtype, data)) };
    }
    const [rows, length] = tensorOf(batches, "0.input_ids").shape as [number, number];
    const steps = tensorOf(batches, "0.labels").shape[1] as number;
    const graph = await StepGraph.create(architecture, { rows, length, steps, gradients: true });
    const { lr, betas, eps, weight_decay } = expected.optimizer;
    const { num_warmup_steps: warmupSteps, num_training_steps: totalSteps } = expected.schedule;
    const config: UpdateConfig = {
      optimizer: { name: "adamw", betas, epsilon: eps, weightDecay: weight_decay },
      schedule: { name: "cosine", learningRate: lr, warmupSteps, totalSteps },
      maxGradNorm: expected.max_grad_norm,
    };
    const trainer = new Trainer(startState(parameters, config), config);
    for (const [step, loss] of recorded.losses.entries()) {
      const group = Array.from({ length: recorded.batches_per_step }, (_, i) =>
        readBatch(batches, step * recorded.batches_per_step + i, isDecoder),
      );
      const total = group.reduce((sum, { counted }) => sum + counted, 0);
      const parts = group.map(({ batch, counted }) => ({
        graph,
        batch,
        share: recorded.mean_over === "tokens" ? counted / total : 1 / group.length,
      }));
      const result = await trainer.step(parts);
      expect(Math.abs(result.loss - loss) / loss, `loss of step ${step}`).toBeLessThan(TOLERANCE);
      const norm = recorded.grad_norms[step] as number;
      expect(Math.abs(result.gradientNorm - norm) / norm, `norm of step ${step}`).toBeLessThan(TOLERANCE);
    }
    const final = await readTensors(directory, `final-${key}.safetensors`);
    for (const [path, tensor] of Object.entries(final)) {
      const isKeyBias = /c_attn\.bias|key\.bias/.test(path);
      const limit = isKeyBias ? 1e-4 : TOLERANCE;
      expect(maxDifference(tensor, parameters[path] as HostTensor), path).toBeLessThan(limit);
    }
    await graph.dispose();
  });
});

function readBatch(
  batches: Record<string, HostTensor>,
  index: number,
  isDecoder: boolean,
): { batch: Batch; counted: number } {
  const labels = rowsOf(tensorOf(batches, `${index}.labels`));
  const batch = {
    inputIds: rowsOf(tensorOf(batches, `${index}.input_ids`)),
    attentionMask: rowsOf(tensorOf(batches, `${index}.attention_mask`)),
    labels,
  };
  const predicted = isDecoder ? labels.map((row) => row.slice(1)) : labels;
  return { batch, counted: predicted.flat().filter((label) => label >= 0).length };
}
