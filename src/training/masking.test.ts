import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture, readJson } from "../../test/helpers/fixtures.ts";
import { Random } from "../common/index.ts";
import { readConfig } from "../families/index.ts";
import { openFiles } from "../files/index.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizers/index.ts";
import { parseRecipe, type TextRecipe } from "./recipe/recipe.ts";
import { textTask } from "./recipe/train-recipe.ts";
import type { Batch } from "./run/step-graph.ts";
import { taskParts } from "./tasks/tasks.ts";

const directory = fixture("models/bert");
const tokenizer = (await loadTokenizer(await openFiles(directory))) as Tokenizer;
const text = "the cat [MASK] a 漢字 [SEP] dog 漢 [PAD] mouse";

/** The special tokens among what batches ask for, and how much they ask for in all. */
function asked(batches: readonly Batch[]): { readonly special: readonly number[]; readonly count: number } {
  const labels = batches.flatMap((batch) => (batch.labels as number[][]).flat()).filter((label) => label >= 0);
  return { special: labels.filter((label) => tokenizer.specialIds.has(label)), count: labels.length };
}

test("special tokens are those that transformers counts as such", () => {
  const names = ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"];
  expect(new Set(names.map((name) => tokenizer.id(name)))).toEqual(tokenizer.specialIds);
  expect(tokenizer.encode(text).ids.filter((id) => tokenizer.specialIds.has(id)).length).toBeGreaterThan(5);
});

test("fill-mask never asks for a special token that stands in a text", async () => {
  const parts = taskParts("fill-mask", {
    path: "data",
    tokenizer,
    architecture: readConfig(await readJson(`${directory}/config.json`)),
    maxLength: 64,
    labels: [],
    columns: {},
    labelSmoothing: 0,
    classWeights: undefined,
    preference: { kind: "sigmoid", beta: 0.1 },
    prefix: "",
  });
  const rows = parts.encode({ row: 1, fields: { text } });
  const batches = Array.from({ length: 60 }, (_, seed) => parts.build(rows, new Random(seed)));
  const { special, count } = asked(batches);
  expect(special).toEqual([]);
  expect(count).toBeGreaterThan(59);
});

test("masked words of pre-training are no special tokens either, nor what stands between texts", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  await writeFile(join(folder, "one.txt"), text.repeat(40));
  await writeFile(join(folder, "other.txt"), text.repeat(40));
  const recipe = parseRecipe({
    config: {
      model_type: "bert",
      architectures: ["BertForMaskedLM"],
      num_hidden_layers: 1,
      num_attention_heads: 2,
      hidden_size: 16,
      intermediate_size: 24,
      vocab_size: tokenizer.vocabularySize,
      eos_token_id: tokenizer.specialId("sep_token"),
    },
    objective: { name: "masked-words" },
    heldOut: ["other.txt"],
    seed: 1,
    checkpointEvery: 1,
    gradientAccumulationSteps: 1,
    batchSize: 4,
    length: 16,
    steps: 1,
    optimizer: { name: "adamw" },
    schedule: { name: "constant", learningRate: 0.001 },
  }) as TextRecipe;
  const task = await textTask(recipe, readConfig(recipe.config), { data: folder, tokenizer });
  const { special, count } = asked(
    Array.from({ length: 8 }, (_, step) => task.batches(step))
      .flat()
      .map(({ batch }) => batch),
  );
  expect(special).toEqual([]);
  expect(count).toBeGreaterThan(20);
});
