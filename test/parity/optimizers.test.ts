import { expect, test } from "vitest";
import type { HostTensor } from "../../src/tensor/index.ts";
import { adamW, clipGlobalNorm } from "../../src/training/index.ts";
import { fixture, readJson, readTensors } from "../helpers/fixtures.ts";

const directory = fixture("training");
const floats = (tensor: HostTensor | undefined): Float32Array => Float32Array.from(tensor?.data as Float32Array);

/** Reference: torch 2.15.0 in float64, rounded to float32. */
const TOLERANCE = 1e-5;

test("AdamW takes torch's steps", async () => {
  const { steps, cases, shapes } = await readJson<{
    steps: number;
    shapes: Record<string, number[]>;
    cases: Record<string, { lr: number; betas: [number, number]; eps: number; weight_decay: number }>;
  }>(`${directory}/optimizers.json`);
  const recorded = await readTensors(directory, "optimizers.safetensors");
  const { lr: rate, betas, eps: epsilon, weight_decay: weightDecay } = cases.adamw as (typeof cases)[string];
  for (const name of Object.keys(shapes)) {
    const weights = floats(recorded[`start.${name}`]);
    const moments = { first: new Float32Array(weights.length), second: new Float32Array(weights.length) };
    for (let i = 0; i < steps; i++) {
      const options = { rate, step: i + 1, beta1: betas[0], beta2: betas[1], epsilon, weightDecay };
      adamW(weights, floats(recorded[`grad.${i}.${name}`]), moments, options);
      const expected = floats(recorded[`adamw.${i}.${name}`]);
      for (const [at, weight] of weights.entries())
        expect(Math.abs(weight - (expected[at] as number)), `${name} after step ${i}`).toBeLessThan(TOLERANCE);
    }
  }
});

test("clipping by the global norm leaves what torch leaves", async () => {
  const { cases } = await readJson<{ cases: Record<string, { max_norm: number; total_norm: number }> }>(
    `${directory}/clipping.json`,
  );
  const recorded = await readTensors(directory, "clipping.safetensors");
  for (const key of ["by_norm", "loose"]) {
    const names = Object.keys(recorded).filter((name) => name.startsWith(`${key}.`));
    expect(names.length).toBeGreaterThan(0);
    const gradients = names.map((name) => floats(recorded[`grad.${name.slice(key.length + 1)}`]));
    const { max_norm, total_norm } = cases[key] as (typeof cases)[string];
    expect(clipGlobalNorm(gradients, max_norm)).toBeCloseTo(total_norm, 5);
    for (const [i, name] of names.entries()) {
      const expected = floats(recorded[name]);
      for (const [at, value] of (gradients[i] as Float32Array).entries())
        expect(Math.abs(value - (expected[at] as number)), name).toBeLessThan(TOLERANCE);
    }
  }
});
