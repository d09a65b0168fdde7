import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { openFiles } from "../files/index.ts";
import { partPath } from "../files/part-files.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizers/index.ts";
import { parseRecipe, recipeJsonSchema, type TrainOptions, trainRecipe } from "./index.ts";

const recipe = {
  config: {
    model_type: "llama",
    vocab_size: 400,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 16,
    attention_dropout: 0.1,
    tie_word_embeddings: true,
    eos_token_id: 0,
  },
  heldOut: ["b.txt"],
  seed: 3,
  batchSize: 2,
  length: 8,
  gradientAccumulationSteps: 2,
  steps: 12,
  optimizer: { name: "adamw", betas: [0.9, 0.95], weightDecay: 0.1 },
  schedule: { name: "cosine_with_min_lr", learningRate: 0.01, minLrRate: 0.1, warmupSteps: 2 },
  maxGradNorm: 1,
  averageDecay: 0.9,
  evaluateEvery: 3,
  checkpointEvery: 5,
};

const folder = await mkdtemp(join(tmpdir(), "lectern-"));
const data = join(folder, "data");
await mkdir(data);
await writeFile(join(data, "a.txt"), "the wolf and the seven little goats ".repeat(40));
await writeFile(join(data, "b.txt"), "the fox and the geese went out ".repeat(40));
const tokenizer = (await loadTokenizer(await openFiles(fixture("models/gpt2")))) as Tokenizer;
const options = (out: string): TrainOptions => ({
  data,
  tokenizer,
  tokenizerDirectory: fixture("models/gpt2"),
  out: join(folder, out),
});

const recurrent = {
  ...recipe,
  config: {
    model_type: "char_rnn",
    cell: "gru",
    vocab_size: 400,
    embedding_size: 8,
    hidden_size: 12,
    num_layers: 2,
    eos_token_id: 0,
  },
  objective: { name: "next-token", stateful: true },
};

test("a function of the caller that rejects stops the run, which can be started again", async () => {
  const onReport = async ({ step }: { step: number }): Promise<void> => {
    if (step === 2) throw new Error("the caller's own");
  };
  const rejected = options("rejected");
  await expect(trainRecipe(parseRecipe(recipe), { ...rejected, onReport })).rejects.toThrow("the caller's own");
  const resumed: number[] = [];
  await trainRecipe(parseRecipe(recipe), { ...rejected, onReport: ({ step }) => resumed.push(step) });
  expect(resumed.at(-1)).toBe(recipe.steps);
});

test.each([
  ["AdamW, dropout, accumulation, a running mean, evaluations", recipe],
  [
    "Adafactor on a plateau",
    {
      ...recipe,
      optimizer: { name: "adafactor", relativeStep: false },
      schedule: { name: "reduce_lr_on_plateau", learningRate: 0.01, patience: 0 },
    },
  ],
  ["a recurrent model that remembers from window to window", recurrent],
])("a run that is stopped and started again ends with the same bits as one that was not: %s", async (name, json) => {
  const whole = await trainRecipe(parseRecipe(json), options(`whole ${name}`));
  const onReport = ({ step }: { step: number }): void => {
    if (step === 8) throw new Error("broken off"); // two steps behind the last checkpoint
  };
  const halved = options(`halved ${name}`);
  await expect(trainRecipe(parseRecipe(json), { ...halved, onReport })).rejects.toThrow("broken off");
  const resumed: number[] = [];
  const result = await trainRecipe(parseRecipe(json), { ...halved, onReport: ({ step }) => resumed.push(step) });
  expect(resumed[0]).toBe(7);
  expect(result.evaluation).toEqual(whole.evaluation);
  const [one, other] = await Promise.all(
    ["whole", "halved"].map((out) => readFile(join(folder, `${out} ${name}`, "model.safetensors"))),
  );
  expect(other?.equals(one as Buffer)).toBe(true);
  expect(whole.evaluation?.metrics.bitsPerByte).toBeLessThan(6);
  const logs = await Promise.all(
    ["whole", "halved"].map((out) => readFile(join(folder, `${out} ${name}`, "training.jsonl"), "utf8")),
  );
  expect(logs[1]).toBe(logs[0]);
  expect(logs[0]?.trim().split("\n")).toHaveLength(12 + 4 + 1);
  expect(await readFile(join(folder, `whole ${name}`, "training.svg"), "utf8")).toContain("<polyline");
  expect(await readdir(join(folder, `halved ${name}`, "events"))).not.toHaveLength(0);
});

test.each([
  [
    "masked-words",
    "BertForMaskedLM",
    { model_type: "bert", num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 16, intermediate_size: 24 },
    "bert",
  ],
  [
    "text-infilling",
    "BartForConditionalGeneration",
    {
      model_type: "bart",
      d_model: 16,
      encoder_layers: 1,
      decoder_layers: 1,
      encoder_attention_heads: 2,
      decoder_attention_heads: 2,
      encoder_ffn_dim: 24,
      decoder_ffn_dim: 24,
    },
    "bart",
  ],
  [
    "span-corruption",
    "T5ForConditionalGeneration",
    { model_type: "t5", d_model: 16, d_kv: 8, d_ff: 24, num_layers: 1, num_heads: 2, decoder_start_token_id: 0 },
    "t5_relu",
  ],
])("%s is learned", async (objective, architecture, config, model) => {
  const directory = fixture(`models/${model}`);
  const own = (await loadTokenizer(await openFiles(directory))) as Tokenizer;
  const json = {
    ...recipe,
    config: {
      ...config,
      architectures: [architecture],
      vocab_size: own.vocabularySize,
      max_position_embeddings: 32,
      eos_token_id: 1,
      pad_token_id: 0,
    },
    objective: { name: objective },
    length: 16,
    steps: 200,
    gradientAccumulationSteps: 1,
    averageDecay: undefined,
    dropout: false,
    evaluateEvery: 30,
    schedule: { name: "linear", learningRate: 0.003, warmupSteps: 5 },
  };
  const reports: number[] = [];
  const result = await trainRecipe(parseRecipe(json), {
    ...options(objective),
    tokenizer: own,
    tokenizerDirectory: directory,
    onReport: ({ loss }) => reports.push(loss),
  });
  expect(reports.at(-1) as number).toBeLessThan((reports[0] as number) - 1);
  expect(result.evaluation?.loss as number).toBeLessThan(reports[0] as number);
});

test("a loss that is not a number stops the run, with the step and the likely cause; the last checkpoint is kept", async () => {
  const json = {
    ...recipe,
    optimizer: { name: "sgd" },
    schedule: { name: "constant", learningRate: 1e30 },
    maxGradNorm: undefined,
    checkpointEvery: 1,
    evaluateEvery: undefined,
  };
  await expect(trainRecipe(parseRecipe(json), options("broken"))).rejects.toThrow(
    /step 2: loss .*(already holds numbers that are not finite|lower the learning rate).*; the checkpoint of step 1 is kept$/,
  );
  expect(await readdir(join(folder, "broken"))).toContain("training.safetensors");
  const later = trainRecipe(parseRecipe({ ...json, checkpointEvery: 50 }), options("nothing kept"));
  await expect(later).rejects.toThrow(/^(?!.*checkpoint).*$/);
});

test("one run at a time writes into a directory; what a killed one left is taken over and tidied up", async () => {
  const out = join(folder, "busy");
  await mkdir(out);
  const holder = { host: hostname(), pid: process.ppid, mark: "x" };
  await writeFile(join(out, "training.lock"), JSON.stringify(holder));
  await expect(trainRecipe(parseRecipe(recipe), options("busy"))).rejects.toThrow(
    `busy: process ${process.ppid} is training here; wait for it, or choose another directory`,
  );
  const { pid } = spawnSync(process.execPath, ["--version"]);
  await writeFile(join(out, "training.lock"), JSON.stringify({ ...holder, pid }));
  const part = (each: number): string =>
    basename(partPath("model.safetensors"))
      .replace(`-${process.pid}-`, `-${each}-`)
      .replace(/\d+\.part$/, "0.part");
  for (const each of [pid, process.ppid]) await writeFile(join(out, part(each)), "");
  await trainRecipe(parseRecipe({ ...recipe, steps: 2 }), options("busy"));
  const left = (await readdir(out)).filter((name) => /lock|part/.test(name));
  expect(left).toEqual([part(process.ppid)]);
});

test("a run that is cancelled tells which checkpoint is kept", async () => {
  const [stop, told] = [new AbortController(), [] as unknown[]];
  const onReport = ({ step }: { step: number }): void => (step === 3 ? stop.abort() : undefined);
  const cancelled = {
    ...options("cancelled"),
    signal: stop.signal,
    onReport,
    onStop: (step: unknown) => told.push(step),
  };
  await expect(trainRecipe(parseRecipe(recipe), cancelled)).rejects.toThrow("cancelled");
  expect(told).toEqual([3]);
});

test("a run whose evaluations no longer improve ends early with its best weights", async () => {
  const json = {
    ...recipe,
    schedule: { name: "constant", learningRate: 0.5 },
    steps: 60,
    evaluateEvery: 2,
    patience: 2,
  };
  const result = await trainRecipe(parseRecipe(json), options("early"));
  expect(result.stoppedEarly).toBe(true);
  expect(result.step).toBeLessThan(60);
});

test.each([
  [{ ...recipe, steps: "many" }, "recipe: steps: "],
  [{ ...recipe, evaluateEverry: 3 }, 'recipe: Unrecognized key: "evaluateEverry"; did you mean evaluateEvery?'],
  [{ ...recipe, schedule: { name: "cosine", learningRate: 0.1, warmupStep: 3 } }, "did you mean warmupSteps?"],
  [{ ...recipe, optimizer: { name: "adamm" } }, "recipe: optimizer.name: "],
  [{ ...recipe, heldOut: [] }, "recipe: heldOut: "],
])("a recipe with a wrong or unknown field is refused by name", (json, message) => {
  expect(() => parseRecipe(json)).toThrow(message);
});

test("the recipe's schema names its fields", () => {
  const batchSize = { type: "integer" };
  expect(recipeJsonSchema()).toMatchObject({
    anyOf: [
      { properties: { heldOut: { type: "array" }, batchSize } },
      { properties: { task: { type: "string" }, batchSize } },
      { properties: { generator: { type: "string" }, batchSize } },
    ],
  });
});
