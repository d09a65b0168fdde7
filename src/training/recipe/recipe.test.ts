import { expect, test } from "vitest";
import { readConfig } from "../../families/index.ts";
import { parseRecipe } from "../index.ts";
import { checkSize } from "../run/initial-weights.ts";

const run = { seed: 1, batchSize: 2, steps: 3, optimizer: { name: "adamw" }, checkpointEvery: 2 };
const common = { ...run, config: {}, schedule: { name: "constant", learningRate: 0.1 } };
const texts = { ...common, heldOut: ["b.txt"], length: 16 };
const source = (pattern: string): object => ({ file: "a.txt", pattern });
const labelled = (pattern: string): object => ({
  ...common,
  task: "text-classification",
  examples: { training: [source(pattern)], validation: [source("^(?<text>.*)$")] },
});

test.each([
  ["a group's expression", { ...texts, groups: [{ match: "(" }] }, "groups.0.match: is not a regular expression: "],
  ["a source's expression", labelled("(?<text>.*"), "examples.training.0.pattern: is not a regular expression: "],
  ["an expression without names", labelled("(.*)"), "examples.training.0.pattern: has no named groups"],
  ["a text's source", { ...texts, texts: [source("(.*)")] }, "texts.0.pattern: has no named groups"],
  [
    "an unknown measure",
    { ...labelled("(?<text>.*)"), metricForBestModel: "acuracy", evaluateEvery: 1 },
    "metricForBestModel: this task does not measure acuracy; it measures accuracy, macroF1",
  ],
  [
    "a measure of which less is better",
    { ...texts, metricForBestModel: "perplexity", evaluateEvery: 1 },
    "leave it out: the least loss is best",
  ],
  [
    "a measure without measuring",
    { ...labelled("(?<text>.*)"), metricForBestModel: "accuracy" },
    "metricForBestModel needs evaluateEvery",
  ],
  ["patience without measuring", { ...texts, patience: 2 }, "patience needs evaluateEvery"],
  ["all of a label smoothed", { ...labelled("(?<text>.*)"), labelSmoothing: 1 }, "labelSmoothing: Too big"],
  [
    "a setting by its earlier and its present name",
    { ...texts, schedule: { name: "constant", rate: 0.1, learningRate: 0.1 } },
    "my.json: schedule.rate and schedule.learningRate are one setting; give schedule.learningRate alone",
  ],
  ["a name like none", { ...texts, colour: 1 }, /^my.json: Unrecognized key: "colour"$/],
])("%s is refused when the recipe is read, with its file", (_, json, message) => {
  expect(() => parseRecipe(json, "my.json")).toThrow(message);
  expect(() => parseRecipe(json, "my.json")).toThrow("my.json: ");
});

test("a model larger than memory is refused before anything is allocated", () => {
  const gpt2 = { model_type: "gpt2", n_embd: 16, n_layer: 1, n_head: 2, n_positions: 16 };
  checkSize(readConfig({ ...gpt2, vocab_size: 1000 }));
  const deep = readConfig({ ...gpt2, vocab_size: 1000, n_layer: 4000 });
  expect(() => checkSize(deep)).toThrow("config asks for 4000 layers, at most 1000 are built; make it smaller");
  expect(() => checkSize(readConfig({ ...gpt2, vocab_size: 1_000_000_000 }), 2 ** 34)).toThrow(
    /a model of 16000003568 parameters, which need 119.2 GB with their gradients; this machine has 16.0 GB/,
  );
});
