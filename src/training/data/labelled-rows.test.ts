import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { fixture } from "../../../test/helpers/fixtures.ts";
import { openFiles } from "../../files/index.ts";
import { loadModel } from "../../inference/index.ts";
import { loadTokenizer, type Tokenizer } from "../../tokenizers/index.ts";
import {
  type ExampleRecipe,
  evaluateRecipe,
  parseRecipe,
  readRows,
  readSources,
  readTexts,
  type TrainOptions,
  trainRecipe,
} from "../index.ts";

const folder = await mkdtemp(join(tmpdir(), "lectern-"));
const data = join(folder, "data");
await mkdir(data);
const animals = ["wolf", "fox", "goat", "hare"];
const seen = animals.flatMap((animal) => ["runs", "walks", "sings"].map((verb) => [animal, verb] as const));
const source = (rows: typeof seen): string => `${rows.map((row) => `the ${row.join(" ")}`).join("\n")}\n`;
const target = (rows: typeof seen): string => `${rows.map(([animal]) => `${animal} ${animal}`).join("\n")}\n`;
const unseen = seen.filter((_, i) => i === 1 || i === 9); // they stand among the training rows, and are left out there
await writeFile(join(data, "train.en.gz"), gzipSync(source(seen)));
await writeFile(join(data, "train.de"), target(seen));
await writeFile(join(data, "test.en"), source(unseen));
await writeFile(join(data, "test.de"), target(unseen));
await writeFile(join(data, "short.de"), "eins\nzwei\n");
await writeFile(join(data, "labels.txt"), "1 a joy\n0 a bore\n1 joy\n0 bore\n1 joy joy\n");
await writeFile(join(data, "labels-test.txt"), "1 joy joy\n0 bore bore\n1 a joy joy\n0 a bore bore\n");
await writeFile(join(data, "a.txt"), "the wolf and the seven little goats ".repeat(20));
await writeFile(join(data, "b.txt"), "the fox and the geese went out ".repeat(20));

const tokenizerOf = async (name: string): Promise<Pick<TrainOptions, "tokenizer" | "tokenizerDirectory">> => ({
  tokenizer: (await loadTokenizer(await openFiles(fixture(name)))) as Tokenizer,
  tokenizerDirectory: fixture(name),
});
const optimizer = { name: "adamw" };
const schedule = { name: "constant", learningRate: 0.01 };
const fields = { prefix: "double: ", part: "doubled" };
const pairs = { lines: { source: "train.en.gz", target: "train.de" }, fields };
const held = { lines: { source: "test.en", target: "test.de" }, fields };

test("a recipe of parallel lines learns them, and is measured by BLEU", async () => {
  const settings = JSON.parse(await readFile(join(fixture("models/t5_relu"), "config.json"), "utf8")) as object;
  const recipe = parseRecipe({
    config: { ...settings, dropout_rate: 0 },
    task: "text2text-generation",
    examples: { training: [pairs], validation: [held], test: [held] },
    generation: { numBeams: 2, maxNewTokens: 24 },
    seed: 1,
    batchSize: 4,
    maxLength: 32,
    multipleOf: 8,
    labelSmoothing: 0.05,
    steps: 120,
    optimizer,
    schedule,
    maxGradNorm: 1,
    checkpointEvery: 100,
  });
  const out = join(folder, "pairs");
  await trainRecipe(recipe, { data, out, ...(await tokenizerOf("models/t5_relu")) });
  await using model = await loadModel(out);
  const reports: string[] = [];
  const [measured, ...others] = await evaluateRecipe(recipe, model, {
    data,
    onProgress: (part, done, total) => reports.push(`${part} ${done}/${total}`),
  });
  expect(others).toEqual([]);
  expect(measured?.part).toBe("doubled");
  expect(measured?.metrics.examples).toBe(2);
  expect(measured?.bleu?.precisions[0]).toBeGreaterThan(90);
  expect(reports).toEqual(["doubled 2/2"]);
});

test("labels learned from a pattern's groups go on from another recipe's weights", async () => {
  const config = {
    model_type: "bert",
    architectures: ["BertForMaskedLM"],
    vocab_size: 1024,
    hidden_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 24,
    max_position_embeddings: 32,
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
  };
  const run = { seed: 2, batchSize: 2, optimizer, schedule, checkpointEvery: 100 };
  const bert = await tokenizerOf("models/bert_cls");
  const begin = join(folder, "begin");
  const texts = [{ file: "labels.txt", pattern: "^[01] (?<text>.*)$" }, "*.txt"];
  const first = parseRecipe({
    ...run,
    config,
    objective: { name: "masked-words" },
    texts,
    heldOut: ["b.txt"],
    length: 12,
    steps: 3,
  });
  await trainRecipe(first, { data, out: begin, ...bert });
  const labels = {
    file: "labels.txt",
    pattern: "^(?<label>[01]) (?<text>.*)$",
    values: { label: { "0": "no", "1": "yes" } },
  };
  const test = { ...labels, file: "labels-test.txt" };
  const recipe = parseRecipe({
    ...run,
    config: { ...config, architectures: ["BertForSequenceClassification"], id2label: { "0": "no", "1": "yes" } },
    task: "text-classification",
    begin: "first.json",
    examples: { training: [labels], validation: [test], test: [test] },
    steps: 150,
    schedule: { name: "linear", learningRate: 0.01 },
  });
  const out = join(folder, "labels");
  const { evaluation } = await trainRecipe(recipe, { data, out, begin, ...bert });
  expect(evaluation?.metrics.accuracy).toBeGreaterThanOrEqual(0.75);
  await using model = await loadModel(out);
  const [measured] = await evaluateRecipe(recipe, model, { data });
  expect(measured?.metrics).toMatchObject({ accuracy: evaluation?.metrics.accuracy, examples: 4 });
  expect(measured?.confusion?.labels).toEqual(["no", "yes"]);
});

test("a label that the recipe's config does not have is named with its row", async () => {
  const recipe = parseRecipe({
    config: {
      model_type: "bert",
      architectures: ["BertForSequenceClassification"],
      ...{ vocab_size: 384, hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 24 },
      id2label: { "0": "no", "1": "yes" },
    },
    task: "text-classification",
    examples: {
      training: [{ file: "labels.txt", pattern: "^(?<label>[01]) (?<text>.*)$" }],
      validation: [{ file: "labels-test.txt", pattern: "^(?<label>[01]) (?<text>.*)$" }],
    },
    ...{ seed: 1, batchSize: 2, steps: 1, optimizer, schedule, checkpointEvery: 100 },
  });
  const bert = await tokenizerOf("models/bert_cls");
  await expect(trainRecipe(recipe, { data, out: join(folder, "unknown"), ...bert })).rejects.toThrow(
    /row 1: [01] is none of the classes no, yes/,
  );
});

test("rows that are held out are not learned from, whatever their label", async () => {
  const recipe = parseRecipe({
    config: {},
    task: "text2text-generation",
    examples: { training: [pairs], validation: [held] },
    seed: 1,
    batchSize: 1,
    steps: 1,
    optimizer,
    schedule,
    checkpointEvery: 1,
  }) as ExampleRecipe;
  const { training, validation } = await readRows(recipe, data);
  const texts = (rows: typeof training): unknown[] => rows.map(({ fields }) => fields.source);
  expect(texts(validation)).toEqual(["the wolf walks", "the hare runs"]);
  expect(texts(training)).toEqual(seen.filter((row) => !unseen.includes(row)).map((row) => `the ${row.join(" ")}`));
});

test("examples of which none is left are told of", async () => {
  await writeFile(join(data, "empty.jsonl"), "");
  const read = (training: object, validation: object): Promise<unknown> => {
    const recipe = { task: "text2text-generation", examples: { training: [training], validation: [validation] } };
    return readRows(recipe as unknown as ExampleRecipe, data);
  };
  const empty = { file: "empty.jsonl" };
  await expect(read(empty, held)).rejects.toThrow("empty.jsonl holds no example");
  await expect(read(pairs, empty)).rejects.toThrow("empty.jsonl holds no example");
  await expect(read(held, held)).rejects.toThrow(/every example of examples\.training \(\d+\) has a text/);
});

test("held-out texts are never among those that are learned", async () => {
  const { tokenizer } = await tokenizerOf("models/gpt2");
  const ids = (text: string): number[] => tokenizer.encode(text).ids;
  const { training, heldOut } = await readTexts(
    { texts: ["?.txt", "*.txt"], heldOut: ["b.txt"] },
    { data, tokenizer },
    0,
  );
  expect([...heldOut.ids]).toEqual([...ids("the fox and the geese went out ".repeat(20)), 0]);
  expect(`${[...training.ids]}`).not.toContain(`${ids(" fox and the geese")}`);
  const source = { file: "b.txt", pattern: "(?<text>.*)" };
  await expect(readTexts({ texts: ["*.txt", source], heldOut: ["b.txt"] }, { data, tokenizer }, 0)).rejects.toThrow(
    "b.txt is both learned from and held out",
  );
});

test.each([
  [{ lines: { source: "train.de", target: "short.de" } }, "short.de has 2 lines, train.de has 12"],
  [{ file: "labels.txt", pattern: "^(?<label>1) " }, 'line 2: "0 a bore" does not match'],
  [{ file: "none.csv" }, "none.csv cannot be read"],
])("a source that does not fit is named: %j", async (source, message) => {
  await expect(readSources(data, [source])).rejects.toThrow(message);
});

test.each([
  [{ task: "text-classification", examples: { training: [], validation: [pairs] } }, "examples.training"],
  [{ task: "poetry" }, "task"],
])("a recipe of examples that does not fit is refused: %j", (part, message) => {
  const whole = { config: {}, examples: { training: [pairs], validation: [pairs] }, seed: 1, batchSize: 1, steps: 1 };
  expect(() => parseRecipe({ ...whole, optimizer, schedule, checkpointEvery: 1, ...part })).toThrow(message);
});
