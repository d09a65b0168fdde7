import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { runCli } from "./run-cli.ts";

test("lectern train --teacher asks a model once; what it said holds, even where the model is gone", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  const [data, teacher, recipe] = ["data", "teacher", "recipe.json"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(data);
  await cp(fixture("models/bert_cls"), teacher, { recursive: true });
  const rows = ["positive the cat was good", "negative the dog was bad", "positive a good day", "negative a bad king"];
  await writeFile(join(data, "training.txt"), rows.join("\n"));
  await writeFile(join(data, "validation.txt"), "positive good\nnegative bad");
  const file = (name: string) => ({ file: name, pattern: "^(?<label>[a-z]+) (?<text>.*)$" });
  const config = {
    model_type: "bert",
    architectures: ["BertForSequenceClassification"],
    vocab_size: 384,
    hidden_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 24,
    max_position_embeddings: 32,
    id2label: { "0": "negative", "1": "positive" },
  };
  const examples = { training: [file("training.txt")], validation: [file("validation.txt")] };
  const settings = { seed: 1, batchSize: 4, steps: 4, checkpointEvery: 2, evaluateEvery: 2, teacher: { share: 1 } };
  const steps = { optimizer: { name: "adamw" }, schedule: { name: "linear", learningRate: 0.01 } };
  await writeFile(recipe, JSON.stringify({ config, task: "text-classification", examples, ...settings, ...steps }));
  const train = async (): Promise<{ code: number; err: string }> => {
    let err = "";
    const options = ["--data", data, "--tokenizer", fixture("models/bert_cls"), "--out", join(folder, "out")];
    const code = await runCli(["train", recipe, "--teacher", teacher, ...options], {
      stdin: Readable.from([]),
      stdout: { write: () => {} },
      stderr: { write: (text) => (err += text) },
      env: {},
    });
    return { code, err };
  };
  expect(await train()).toMatchObject({ code: 0, err: expect.stringContaining("judged 4 texts") });
  await rm(teacher, { recursive: true });
  await rm(join(folder, "out/training.safetensors"));
  expect(await train()).toMatchObject({ code: 0, err: expect.not.stringContaining("judged") });
  await rm(join(folder, "out/taught.jsonl"));
  expect(await train()).toMatchObject({ code: 1, err: expect.stringMatching(/there is no|no model/) });
});

test("lectern train needs --data unless the recipe generates its rows, and goes on where such a run ended", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  const config = {
    model_type: "llama",
    architectures: ["LlamaForCausalLM"],
    vocab_size: 66,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    max_position_embeddings: 64,
    eos_token_id: 1,
  };
  const schedule = { name: "constant", learningRate: 0.01 };
  const common = {
    config,
    seed: 1,
    batchSize: 2,
    length: 48,
    checkpointEvery: 2,
    optimizer: { name: "adamw" },
    schedule,
  };
  const train = async (recipe: object): Promise<{ code: number; out: string; err: string }> => {
    const path = join(folder, "recipe.json");
    await writeFile(path, JSON.stringify({ ...common, ...recipe }));
    let [out, err] = ["", ""];
    const options = ["--tokenizer", tokenizer, "--out", join(folder, "out")];
    const code = await runCli(["train", path, ...options], {
      stdin: Readable.from([]),
      stdout: { write: (text) => (out += text) },
      stderr: { write: (text) => (err += text) },
      env: {},
    });
    return { code, out, err };
  };
  const tokenizer = fileURLToPath(new URL("../../models/icl-small", import.meta.url));
  expect(await train({ steps: 2, heldOut: ["a.txt"] })).toMatchObject({
    code: 2,
    err: expect.stringContaining("recipe.json reads files; name their directory by --data"),
  });
  const generator = "in-context-tasks";
  expect(await train({ steps: 2, generator })).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^2 steps; held out: loss \d/),
  });
  expect(await train({ steps: 4, generator })).toMatchObject({
    code: 0,
    out: expect.stringContaining("4 steps"),
    err: expect.stringContaining("resuming from step 2 of 4"),
  });
  expect(await train({ steps: 2, generator, length: 65 })).toMatchObject({
    code: 1,
    err: expect.stringContaining("length 65 is more than the model's 64 positions"),
  });
});
