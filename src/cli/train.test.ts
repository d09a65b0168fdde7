import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
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
