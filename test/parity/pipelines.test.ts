import { describe, expect, test } from "vitest";
import { loadModel, type Model } from "../../src/inference/index.ts";
import { pipeline, type TaskName } from "../../src/pipelines/index.ts";
import { fixture, readJson } from "../helpers/fixtures.ts";

interface Case {
  readonly task: TaskName;
  readonly model: string;
  readonly arguments: readonly unknown[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly expected: unknown;
}

/** Scores and vectors of float32 models, summed in another order. */
const TOLERANCE = 1e-4;

const { versions, cases } = await readJson<{ versions: Record<string, string>; cases: Case[] }>(
  fixture("pipelines/expected.json"),
);

/** Options of our own are called otherwise in one place, and all are in camel case. */
function camelCase(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([key, entry]) => [
    key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    entry,
  ]);
  return Object.fromEntries(entries);
}

/** Numbers equal within the tolerance; everything else equal. */
function expectAlike(actual: unknown, expected: unknown, path = "result"): void {
  if (typeof expected === "number") {
    expect(Math.abs((actual as number) - expected), `${path}: ${actual} for ${expected}`).toBeLessThan(TOLERANCE);
  } else if (Array.isArray(expected)) {
    const list = ArrayBuffer.isView(actual) ? Array.from(actual as Float32Array) : (actual as unknown[]);
    expect(list.length, path).toBe(expected.length);
    for (const [i, entry] of expected.entries()) expectAlike(list[i], entry, `${path}[${i}]`);
  } else if (typeof expected === "object" && expected !== null) {
    expect(Object.keys(actual as object).sort(), path).toEqual(Object.keys(expected).sort());
    for (const [key, entry] of Object.entries(expected))
      expectAlike((actual as Record<string, unknown>)[key], entry, `${path}.${key}`);
  } else expect(actual, path).toEqual(expected);
}

const models = new Map<string, Promise<Model>>();
function load(name: string): Promise<Model> {
  const known = models.get(name) ?? loadModel(fixture(`models/${name}`));
  models.set(name, known);
  return known;
}

describe(`pipelines against transformers ${versions.transformers}`, () => {
  test.each(cases.map((entry, i) => [i, entry.task, entry.model, JSON.stringify(entry.options), entry] as const))(
    "case %i: %s of %s with %s gives the same results",
    async (_, task, name, __, { arguments: given, options, expected }) => {
      const pipe = (await pipeline(task, await load(name))) as unknown as (...all: unknown[]) => Promise<unknown>;
      const [first, ...rest] = given;
      const input = task === "text-classification" ? camelCase(first) : first;
      expectAlike(await pipe(input, ...rest, camelCase(options)), expected);
    },
  );
});
