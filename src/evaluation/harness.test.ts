import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { loadModel, type Model } from "../inference/index.ts";
import { aggregateGroup, evaluate, itemsOf, leaves, loadTask, type Task, type TaskGroup } from "./node.ts";

interface RecordedRun {
  readonly model: string;
  readonly task: string;
  readonly shots: number;
  /** A context and a continuation, or a text alone. */
  readonly prompts: readonly (readonly (string | readonly [string, string])[])[];
  readonly metrics: Readonly<Record<string, number>>;
}

const at = (path: string): string => fileURLToPath(new URL(`../../test/${path}`, import.meta.url));
const recorded = JSON.parse(readFileSync(at("evaluation/harness.json"), "utf8")) as {
  readonly group: Readonly<Record<string, number>>;
  readonly runs: readonly RecordedRun[];
};
const fileOf = (task: string): string => at(`evaluation/harness/${task}.yaml`);

const models = new Map<string, Promise<Model>>();
function modelOf(name: string): Promise<Model> {
  const model = models.get(name) ?? loadModel(at(`parity/fixtures/models/${name}`));
  models.set(name, model);
  return model;
}
afterAll(async () => {
  for (const model of models.values()) await (await model).dispose();
});

describe.each(recorded.runs)("$task with $shots shots on $model equals lm-evaluation-harness 0.4.13", (run) => {
  const task = loadTask(fileOf(run.task)) as Task;

  test("prompts, character by character", () => {
    const items = itemsOf(task, { shots: run.shots });
    expect(items).toHaveLength(run.prompts.length);
    for (const [i, prompts] of run.prompts.entries()) {
      const { context, pairs, text } = items[i] as (typeof items)[number];
      const own =
        pairs.length > 0
          ? pairs.map((pair) => [pair.context, pair.continuation])
          : [text === undefined ? context : text];
      expect(own).toEqual(prompts);
    }
  });

  test("metrics and their standard errors", async () => {
    const { metrics } = await evaluate(await modelOf(run.model), task, { shots: run.shots, resamples: 1000 });
    for (const [key, expected] of Object.entries(run.metrics)) {
      const [, name, isError, filter] = /^(.+?)(_stderr)?,(.+)$/.exec(key) as RegExpExecArray;
      const own = metrics[filter === "none" ? (name as string) : `${name},${filter}`];
      const value = isError ? own?.stderr : own?.value;
      expect(Math.abs((value ?? Number.NaN) - expected) / Math.max(1, Math.abs(expected)), key).toBeLessThan(1e-4);
    }
  });
});

/** Prompts alone, which no model changes: fields of nested JSON, CSV numbers, templates in descriptions, gen_prefix. */
const promptsOnly = JSON.parse(readFileSync(at("evaluation/harness-prompts.json"), "utf8")) as {
  readonly runs: readonly Omit<RecordedRun, "model" | "metrics">[];
};

test.each(promptsOnly.runs)(
  "$task with $shots shots has the prompts of lm-evaluation-harness 0.4.13",
  ({ task, shots, prompts }) => {
    const items = itemsOf(loadTask(fileOf(task)) as Task, { shots });
    const own = items.map(({ context, pairs }) =>
      pairs.length > 0 ? pairs.map((pair) => [pair.context, pair.continuation]) : [context],
    );
    expect(own).toEqual(prompts);
  },
);

test("a group is the mean of its tasks", async () => {
  const group = loadTask(fileOf("moods")) as TaskGroup;
  const model = await modelOf("gpt2");
  const results = [];
  for (const task of leaves(group)) results.push(await evaluate(model, task, { shots: 1, resamples: 2 }));
  const means = aggregateGroup(group, results);
  expect(means.acc?.value).toBeCloseTo(recorded.group["acc,none"] ?? -1, 9);
  expect(means.acc?.stderr).toBeCloseTo(recorded.group["acc_stderr,none"] ?? -1, 9);
  expect(means.acc_norm?.value).toBeCloseTo(recorded.group["acc_norm,none"] ?? -1, 9);
  expect(means.acc_norm?.stderr).toBeCloseTo(recorded.group["acc_norm_stderr,none"] ?? -1, 9);
});
