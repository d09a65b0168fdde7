import { describe, expect, test } from "vitest";
import type { HostTensor } from "../../src/tensor/index.ts";
import {
  clipGlobalNorm,
  clipValues,
  createOptimizer,
  type NormKind,
  type OptimizerConfig,
  type ScheduleConfig,
  scheduledRate,
} from "../../src/training/index.ts";
import { fixture, readJson, readTensors } from "../helpers/fixtures.ts";

const directory = fixture("training");
const floats = (tensor: HostTensor | undefined): Float32Array => Float32Array.from(tensor?.data as Float32Array);
const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** Reference: torch 2.15.0 in float64, rounded to float32; relative to the largest weight. */
const TOLERANCE = 2e-6;

interface RecordedOptimizer extends Record<string, unknown> {
  optimizer: string;
  lr: number | null;
}

/** The reference's settings under our names. */
function configOf({ optimizer, lr: _, ...rest }: RecordedOptimizer): OptimizerConfig {
  const entries = Object.entries(rest).map(([key, value]) => {
    if (key === "eps") return Array.isArray(value) ? ["epsilons", value] : ["epsilon", value];
    return [camel(key), value];
  });
  return { name: optimizer, ...Object.fromEntries(entries) } as OptimizerConfig;
}

describe("optimizers", async () => {
  const { steps, cases, shapes } = await readJson<{
    steps: number;
    shapes: Record<string, number[]>;
    cases: Record<string, RecordedOptimizer>;
  }>(`${directory}/optimizers.json`);
  const recorded = await readTensors(directory, "optimizers.safetensors");

  test.each(Object.keys(cases))("%s takes the reference's steps", (key) => {
    const settings = cases[key] as RecordedOptimizer;
    const optimizer = createOptimizer(configOf(settings));
    for (const [name, shape] of Object.entries(shapes)) {
      const weights = floats(recorded[`start.${name}`]);
      const slots = optimizer.start(shape);
      for (let i = 0; i < steps; i++) {
        const { weightDecay } = optimizer;
        const options = { learningRate: settings.lr ?? 0, step: i + 1, weightDecay };
        optimizer.update(weights, floats(recorded[`grad.${i}.${name}`]), slots, options);
        const expected = floats(recorded[`${key}.${i}.${name}`]);
        for (const [at, weight] of weights.entries())
          expect(Math.abs(weight - (expected[at] as number)), `${name} after step ${i}`).toBeLessThan(TOLERANCE);
      }
    }
  });

  test("unknown optimizers and settings are named", () => {
    expect(() => createOptimizer({ name: "adamm" } as never)).toThrow("there is no adamm; did you mean adam?");
    expect(() => createOptimizer({ name: "sgd", momentun: 0.9 } as never)).toThrow(
      "sgd has no momentun; did you mean momentum?",
    );
  });
});

describe("schedules", async () => {
  const file = await readJson<{
    learning_rate: number;
    num_warmup_steps: number;
    num_training_steps: number;
    cases: Record<string, { name: string; options: Record<string, unknown>; rates: number[]; metrics?: number[] }>;
  }>(`${directory}/schedules.json`);

  test.each(Object.keys(file.cases))("%s goes as the reference's, within 1e-12", (key) => {
    const { name, options, rates, metrics } = file.cases[key] as (typeof file.cases)[string];
    const config = {
      name,
      learningRate: file.learning_rate,
      warmupSteps: file.num_warmup_steps,
      totalSteps: file.num_training_steps,
      ...Object.fromEntries(Object.entries(options).map(([option, value]) => [camel(option), value])),
    } as ScheduleConfig;
    expect(rates.length).toBeGreaterThan(10);
    for (const [step, rate] of rates.entries())
      expect(Math.abs(scheduledRate(config, step, metrics?.slice(0, step)) - rate), `step ${step}`).toBeLessThan(1e-12);
  });

  test("an unknown schedule is named", () => {
    expect(() => scheduledRate({ name: "cosin", learningRate: 1, totalSteps: 2 } as never, 0)).toThrow(
      "did you mean cosine?",
    );
  });
});

describe("clipping", async () => {
  const { cases } = await readJson<{
    cases: Record<string, { max_norm: number; norm_type: number | "inf"; total_norm: number }>;
  }>(`${directory}/clipping.json`);
  const recorded = await readTensors(directory, "clipping.safetensors");

  test.each(Object.keys(cases))("%s leaves what torch leaves", (key) => {
    const names = Object.keys(recorded).filter((name) => name.startsWith(`${key}.`));
    expect(names.length).toBeGreaterThan(0);
    const gradients = names.map((name) => floats(recorded[`grad.${name.slice(key.length + 1)}`]));
    const { max_norm, norm_type, total_norm } = cases[key] as (typeof cases)[string];
    const kind = (norm_type === "inf" ? Number.POSITIVE_INFINITY : norm_type) as NormKind;
    expect(clipGlobalNorm(gradients, max_norm, kind)).toBeCloseTo(total_norm, 5);
    for (const [i, name] of names.entries()) {
      const expected = floats(recorded[name]);
      for (const [at, value] of (gradients[i] as Float32Array).entries())
        expect(Math.abs(value - (expected[at] as number)), name).toBeLessThan(TOLERANCE);
    }
  });

  test("by value keeps each entry within the limit", () => {
    const gradient = Float32Array.of(-3, 0.25, 7);
    clipValues([gradient], 0.5);
    expect([...gradient]).toEqual([-0.5, 0.25, 0.5]);
  });
});
