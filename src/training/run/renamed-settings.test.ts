import { expect, test } from "vitest";
import { presentEntry, presentFingerprint, presentNames } from "./renamed-settings.ts";

const named = (settings: object, place: "run" | "recipe" | "options"): [unknown, string[]] => {
  const notes: string[] = [];
  return [presentNames(settings, place, "it", (note) => notes.push(note)), notes];
};

test("settings by present names stay as they are, without a note", () => {
  const settings = { maxGradNorm: 1, schedule: { name: "constant", learningRate: 0.1 }, groups: [{ match: /a/ }] };
  const [present, notes] = named(settings, "run");
  expect(present).toEqual(settings);
  expect(notes).toEqual([]);
});

test("earlier names are renamed where they are settings, and nowhere else", () => {
  const [run] = named({ clip: 1, bestBy: "accuracy", rows: 2, schedule: { rate: 0.1, clip: 3 } }, "run");
  expect(run).toEqual({
    maxGradNorm: 1,
    metricForBestModel: "accuracy",
    rows: 2,
    schedule: { learningRate: 0.1, clip: 3 },
  });
  const [options, notes] = named({ rows: 2, accumulate: undefined, rate: 0.1, config: { clip: 1 } }, "options");
  expect(options).toEqual({ batchSize: 2, learningRate: 0.1, config: { maxGradNorm: 1 } });
  expect(notes).toEqual([
    "it: rows is now batchSize, rate is now learningRate, config.clip is now config.maxGradNorm; the next version rejects the earlier names",
  ]);
  const [hostile] = named(JSON.parse('{"__proto__": {"rows": 1}, "constructor": 1, "rows": 2}') as object, "recipe");
  expect(Object.entries(hostile as object)).toEqual([
    ["__proto__", { rows: 1 }],
    ["constructor", 1],
    ["batchSize", 2],
  ]);
});

test("a setting by both names is refused, with both; one that is undefined is not given", () => {
  for (const both of [
    { rows: 2, batchSize: undefined },
    { batchSize: 2, rows: undefined },
  ])
    expect(named(both, "recipe")[0]).toStrictEqual({ batchSize: 2 });
  expect(named({ clip: undefined, patience: undefined }, "run")).toStrictEqual([
    { maxGradNorm: undefined, patience: undefined }, // no clipping, where the default is to clip
    [],
  ]);
  expect(() => named({ rows: 2, batchSize: 2 }, "recipe")).toThrow("it: rows and batchSize are one setting");
});

test("null is a value, which the schema rejects", () => {
  expect(named({ rows: null, schedule: null }, "recipe")[0]).toStrictEqual({ batchSize: null, schedule: null });
});

test("fingerprints and log lines of earlier versions read as those of now", () => {
  expect(presentFingerprint({ rows: "2", "schedule.rate": "0.1", rate: "x", "the training data": "y" })).toEqual({
    batchSize: "2",
    "schedule.learningRate": "0.1",
    rate: "x",
    "the training data": "y",
  });
  expect(presentEntry({ step: 1, norm: 2, rate: 3 })).toEqual({ step: 1, gradientNorm: 2, learningRate: 3 });
});
