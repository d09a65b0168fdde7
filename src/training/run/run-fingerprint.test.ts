import { cp, mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fixture, readTensors } from "../../../test/helpers/fixtures.ts";
import { openFiles } from "../../files/index.ts";
import { writeFileAtomic } from "../../files/write-file.ts";
import { safetensorsChunks } from "../../formats/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { loadTokenizer, type Tokenizer } from "../../tokenizers/index.ts";
import { type FinetuneOptions, finetune, parseRecipe, type Resumed, trainRecipe } from "../index.ts";

const folder = await mkdtemp(join(tmpdir(), "lectern-"));
const checkpoint = (out: string): string => join(folder, out, "training.safetensors");
const resumed: Resumed[] = [];
const onResume = (told: Resumed): unknown => resumed.push(told);

describe("a fine-tuning run in a directory that holds a checkpoint", async () => {
  const changed = join(folder, "changed");
  await cp(fixture("models/bert"), changed, { recursive: true });
  const tensors = await readTensors(changed, "model.safetensors");
  const [tensor] = Object.values(tensors) as [HostTensor];
  tensor.data[0] = 0.5;
  await writeFileAtomic(join(changed, "model.safetensors"), safetensorsChunks(tensors));
  const rows = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ text: `a ${i % 2 ? "good" : "bad"} day ${i}`, label: `c${i % 2}` }));
  const options: FinetuneOptions = {
    model: fixture("models/bert"),
    data: rows(12),
    task: "text-classification",
    out: join(folder, "out"),
    batchSize: 4,
    epochs: 1,
    onResume,
  };
  await finetune(options);
  const [weights, kept] = [await readFile(join(folder, "out/model.safetensors")), await readFile(checkpoint("out"))];

  test("says that it is finished, and changes nothing", async () => {
    resumed.length = 0;
    await finetune(options);
    expect(resumed).toEqual([{ step: 3, steps: 3, isFinished: true }]);
    expect((await readFile(join(folder, "out/model.safetensors"))).equals(weights)).toBe(true);
    expect((await readFile(checkpoint("out"))).equals(kept)).toBe(true);
  });

  test.each<[string, Partial<FinetuneOptions>, RegExp]>([
    [
      "other data",
      { data: rows(14) },
      /training.safetensors is the checkpoint of another run: the training data changed/,
    ],
    ["another seed", { seed: 2 }, /seed was 1, is 2.*; choose another directory, or remove it to begin anew/],
    ["more epochs", { epochs: 2 }, /steps was 3, is 6/],
    ["another rate", { learningRate: 1e-3 }, /schedule.learningRate was 0.00005, is 0.001/],
    ["smoothed labels", { labelSmoothing: 0.1 }, /labelSmoothing was 0, is 0.1/],
    ["another model of the same shapes", { model: changed }, /the model's weights changed/],
  ])("is refused with %s", async (_, other, message) => {
    await expect(finetune({ ...options, ...other })).rejects.toThrow(message);
  });
});

describe("a recipe's run", async () => {
  const data = join(folder, "data");
  await mkdir(data);
  await writeFile(join(data, "a.txt"), "the wolf and the seven little goats ".repeat(40));
  await writeFile(join(data, "b.txt"), "the fox and the geese went out ".repeat(40));
  const tokenizer = (await loadTokenizer(await openFiles(fixture("models/gpt2")))) as Tokenizer;
  const recipe = {
    config: {
      model_type: "gpt2",
      vocab_size: 400,
      n_embd: 16,
      n_layer: 1,
      n_head: 2,
      n_positions: 16,
      eos_token_id: 0,
    },
    heldOut: ["b.txt"],
    seed: 5,
    batchSize: 2,
    gradientAccumulationSteps: 2,
    length: 16,
    maxGradNorm: 1,
    steps: 3,
    optimizer: { name: "adamw" },
    schedule: { name: "constant", learningRate: 0.003 },
    checkpointEvery: 2,
  };
  const train = (json: object, out: string) =>
    trainRecipe(parseRecipe(json), {
      data,
      tokenizer,
      tokenizerDirectory: fixture("models/gpt2"),
      out: join(folder, out),
      onResume,
    });

  test("may become longer where its rate stays the same, and ends as one that was as long from the start", async () => {
    await train({ ...recipe, steps: 6 }, "whole");
    await train(recipe, "short");
    resumed.length = 0;
    await train({ ...recipe, steps: 6 }, "short");
    expect(resumed).toEqual([{ step: 3, steps: 6, isFinished: false }]);
    const [one, other] = await Promise.all(
      ["whole", "short"].map((out) => readFile(join(folder, out, "model.safetensors"))),
    );
    expect(other?.equals(one as Buffer)).toBe(true);
    const wider = { ...recipe, config: { ...recipe.config, n_embd: 32 } };
    await expect(train(wider, "short")).rejects.toThrow("the model's configuration changed");
  });

  test("goes on from a checkpoint of a version that did not say what it was of", async () => {
    await train(recipe, "old");
    const { identity, ...others } = await readTensors(join(folder, "old"), "training.safetensors");
    expect(identity).toBeDefined();
    await writeFileAtomic(checkpoint("old"), safetensorsChunks(others));
    resumed.length = 0;
    await train({ ...recipe, seed: 6 }, "old");
    expect(resumed).toHaveLength(1);
  });

  const earlier = (json: typeof recipe): object => {
    const { batchSize: rows, gradientAccumulationSteps: accumulate, maxGradNorm: clip, schedule, ...rest } = json;
    const { learningRate: rate, ...others } = schedule;
    return { ...rest, rows, accumulate, clip, schedule: { ...others, rate } };
  };
  const identityIn = async (out: string): Promise<Record<string, string>> => {
    const { identity } = await readTensors(join(folder, out), "training.safetensors");
    return JSON.parse(Buffer.from(identity?.data as Uint8Array).toString("utf8")) as Record<string, string>;
  };

  test("is the same run by the earlier names of its settings, and one note tells the present ones", async () => {
    const notes: string[] = [];
    const renamed = parseRecipe(earlier(recipe), "old.json", (note) => notes.push(note));
    expect(renamed).toEqual(parseRecipe(recipe));
    expect(notes).toEqual([
      "old.json: rows is now batchSize, accumulate is now gradientAccumulationSteps, clip is now maxGradNorm, schedule.rate is now schedule.learningRate; the next version rejects the earlier names",
    ]);
    await train(recipe, "present");
    await train(earlier(recipe), "earlier");
    expect(await identityIn("earlier")).toEqual(await identityIn("present"));
  });

  test("goes on from the checkpoint and the log of a version with the earlier names", async () => {
    const [old, out] = [{ rows: "2", accumulate: "2", clip: "1", "schedule.rate": "0.003" }, "earlier files"];
    await train(recipe, out);
    const tensors = await readTensors(join(folder, out), "training.safetensors");
    const {
      batchSize: _,
      gradientAccumulationSteps: __,
      maxGradNorm: ___,
      "schedule.learningRate": ____,
      ...rest
    } = await identityIn(out);
    const bytes = new TextEncoder().encode(JSON.stringify({ ...old, ...rest }));
    const identity: HostTensor = { dtype: "uint8", shape: [bytes.length], data: bytes };
    await writeFileAtomic(checkpoint(out), safetensorsChunks({ ...tensors, identity }));
    const log = join(folder, out, "training.jsonl");
    const lines = await readFile(log, "utf8");
    await writeFile(log, lines.replaceAll("gradientNorm", "norm").replaceAll("learningRate", "rate"));
    resumed.length = 0;
    await train({ ...recipe, steps: 6 }, out);
    expect(resumed).toEqual([{ step: 3, steps: 6, isFinished: false }]);
    const keys = (await readFile(log, "utf8"))
      .trim()
      .split("\n")
      .map((line) => Object.keys(JSON.parse(line) as object));
    expect(keys.slice(0, 6)).toEqual(Array(6).fill(["step", "loss", "gradientNorm", "learningRate"]));
    await expect(train({ ...recipe, batchSize: 3 }, out)).rejects.toThrow("batchSize was 2, is 3");
  });

  test("names a damaged checkpoint, and what to do", async () => {
    await train(recipe, "damaged");
    await writeFile(checkpoint("damaged"), "x".repeat(100));
    await expect(train(recipe, "damaged")).rejects.toThrow(
      /damaged.training.safetensors is damaged \(.*\); remove it to begin anew/,
    );
  });
});
