import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture } from "../../../test/helpers/fixtures.ts";
import { openFiles } from "../../files/index.ts";
import { loadModel } from "../../inference/index.ts";
import { loadTokenizer, type Tokenizer } from "../../tokenizers/index.ts";
import { parseRecipe, type Teacher, type TrainOptions, trainRecipe } from "../index.ts";
import { taughtExamples } from "./distillation-labels.ts";

const folder = await mkdtemp(join(tmpdir(), "lectern-"));
const data = join(folder, "data");
await mkdir(data);
const bert = fixture("models/bert_cls");
const tokenizer = (await loadTokenizer(await openFiles(bert))) as Tokenizer;
const names = ["cat", "dog", "mouse", "rabbit", "king", "queen"];
const sentence = (name: string, word: string): string => `the ${name} was ${word} that day`;
const rows = names.flatMap((name, i) => [
  `${i < 3 ? 1 : 0} ${sentence(name, "good")}`, // of half of them the label is wrong: the teacher knows better
  `${i < 3 ? 0 : 1} ${sentence(name, "bad")}`,
]);
await writeFile(join(data, "training.txt"), `${rows.join("\n")}\n`);
await writeFile(join(data, "validation.txt"), "1 the bird was good that day\n0 the bird was bad that day\n1 good\n");

const file = (name: string) => ({
  file: name,
  pattern: "^(?<label>[01]) (?<text>.*)$",
  values: { label: { "0": "no", "1": "yes" } },
});
const json = {
  config: {
    model_type: "bert",
    architectures: ["BertForSequenceClassification"],
    vocab_size: 1024,
    hidden_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 24,
    max_position_embeddings: 32,
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
    id2label: { "0": "no", "1": "yes" },
  },
  task: "text-classification",
  examples: { training: [file("training.txt")], validation: [file("validation.txt")] },
  teacher: { share: 1, spans: 6 },
  seed: 3,
  batchSize: 8,
  steps: 200,
  optimizer: { name: "adamw" },
  schedule: { name: "linear", learningRate: 0.01 },
  checkpointEvery: 500,
  evaluateEvery: 50,
  metricForBestModel: "accuracy",
};
const asked: string[] = [];
const teacher: Teacher = async (texts) => {
  asked.push(...texts);
  return texts.map((text) => {
    const yes = text.includes("good") ? 0.95 : text.includes("bad") ? 0.05 : 0.5;
    return { yes, no: 1 - yes };
  });
};
const options = (name: string): TrainOptions => ({
  data,
  out: join(folder, name),
  tokenizer,
  tokenizerDirectory: bert,
});

test("a model learns what its teacher says, not the labels, and from pieces of the texts", async () => {
  const { evaluation } = await trainRecipe(parseRecipe(json), { ...options("student"), teacher });
  expect(evaluation?.metrics.accuracy).toBe(1);
  const texts = rows.map((row) => row.slice(2));
  expect(asked.slice(0, texts.length)).toEqual(texts);
  const pieces = asked.slice(texts.length);
  expect(pieces.length).toBeGreaterThan(texts.length);
  for (const piece of pieces) expect(texts.some((text) => text !== piece && text.includes(piece))).toBe(true);
  expect(pieces).not.toContain("good"); // it is held out
  const kept = (await readFile(join(folder, "student", "taught.jsonl"), "utf8")).trim().split("\n");
  expect(kept).toHaveLength(asked.length + 1);
  expect(JSON.parse(kept[1] as string)).toEqual({ text: texts[0], label: "yes", probabilities: [0.05, 0.95] });
});

test("a run that goes on reads what the teacher said, and ends with the same weights", async () => {
  const stop = new AbortController();
  const recipe = parseRecipe(json);
  const onReport = ({ step }: { step: number }): void => (step === 71 ? stop.abort() : undefined);
  const cut = { ...options("again"), teacher, signal: stop.signal, onReport };
  await expect(trainRecipe(recipe, cut)).rejects.toThrow("cancelled");
  const mute: Teacher = () => Promise.reject(new Error("asked again"));
  await trainRecipe(recipe, { ...options("again"), teacher: mute });
  const [one, other] = await Promise.all(
    ["student", "again"].map((name) => readFile(join(folder, name, "model.safetensors"))),
  );
  expect(other?.equals(one as Buffer)).toBe(true);
  await using model = await loadModel(join(folder, "again"));
  expect(model.config.architectures).toEqual(["BertForSequenceClassification"]);
});

test("labels count for what the teacher's share leaves", async () => {
  const recipe = parseRecipe({ ...json, teacher: { share: 0.5 }, steps: 1 });
  await trainRecipe(recipe, { ...options("half"), teacher });
  const kept = (await readFile(join(folder, "half", "taught.jsonl"), "utf8")).trim().split("\n");
  expect(kept).toHaveLength(rows.length + 1);
  const wrong = kept.find((line) => line.includes("the king was good")) as string;
  expect(JSON.parse(wrong)).toMatchObject({ label: "no", probabilities: [0.525, 0.475] });
});

test("what a teacher said of other texts or under other labels is not taken for these", async () => {
  const out = join(folder, "kept");
  await mkdir(out);
  const heard: string[][] = [];
  const taught = (...rows: readonly (readonly [text: string, label?: string])[]) =>
    taughtExamples(
      rows.map(([text, label], i) => ({ row: i + 1, fields: { text, label } })),
      {
        teacher: (texts) => {
          heard.push([...texts]);
          return teacher(texts);
        },
        config: { share: 0.5, spans: 0 },
        labels: ["no", "yes"],
        heldOut: [],
        seed: 1,
        out,
      },
    );
  const first = await taught(["good", "yes"], ["bad", "no"]);
  const again = await taught(["good", "yes"], ["bad", "no"]);
  expect(again.map(({ fields }) => fields)).toEqual(first.map(({ fields }) => fields));
  expect(heard).toHaveLength(1);
  await taught(["good", "yes"], ["worse", "no"]);
  expect(heard[1]).toEqual(["good", "worse"]);
  const [, relabelled] = await taught(["good", "yes"], ["worse", "yes"]);
  expect(heard).toHaveLength(3);
  expect(relabelled?.fields).toMatchObject({ label: "yes", probabilities: [0.25, 0.75] });
  for (let run = 0; run < 2; run++) await taught(["good"], ["bad"]); // the teacher's word alone
  expect(heard).toHaveLength(4);
});

test("a teacher that is missing, or does not know a label, is told", async () => {
  const recipe = parseRecipe(json);
  await expect(trainRecipe(recipe, options("none"))).rejects.toThrow("learns from a teacher: name one by --teacher");
  const other: Teacher = async (texts) => texts.map(() => ({ POSITIVE: 1, NEGATIVE: 0 }));
  await expect(trainRecipe(recipe, { ...options("other"), teacher: other })).rejects.toThrow(
    'must return a probability of no for "the cat was good that day"; got {"POSITIVE":1,"NEGATIVE":0}',
  );
  const short: Teacher = async () => [];
  await expect(trainRecipe(recipe, { ...options("short"), teacher: short })).rejects.toThrow("said nothing of");
});

test("a measure that is not there is told with those that are, when the recipe is read", () => {
  expect(() => parseRecipe({ ...json, metricForBestModel: "bleu", evaluateEvery: 1 })).toThrow(
    "metricForBestModel: this task does not measure bleu; it measures accuracy, macroF1",
  );
});
