import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { parseRecipe, type TrainOptions, trainRecipe } from "./index.ts";

const recipe = {
  config: {
    model_type: "llama",
    vocab_size: 128,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 16,
    tie_word_embeddings: true,
    eos_token_id: 0,
  },
  heldOut: ["b.txt"],
  seed: 3,
  rows: 2,
  length: 8,
  steps: 12,
  rate: 0.01,
  minRatio: 0.1,
  warmupSteps: 2,
  weightDecay: 0.1,
  beta1: 0.9,
  beta2: 0.95,
  clip: 1,
  checkpointEvery: 5,
};

test("a run that is stopped and started again ends with the same bits as one that was not", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  const data = join(folder, "data");
  await mkdir(data);
  await writeFile(join(data, "a.txt"), "the wolf and the seven little goats ".repeat(20));
  await writeFile(join(data, "b.txt"), "the fox and the geese went out ".repeat(20));
  const options = (out: string): TrainOptions => ({
    data,
    tokenizer: fixture("models/gpt2"),
    out: join(folder, out),
    encode: (text) => [...text].map((character) => character.charCodeAt(0)),
  });
  const whole = await trainRecipe(parseRecipe(recipe), options("whole"));
  const stop = new AbortController();
  const onStep = ({ step }: { step: number }): void => (step === 8 ? stop.abort() : undefined);
  await expect(trainRecipe(parseRecipe(recipe), { ...options("halved"), signal: stop.signal, onStep })).rejects.toThrow(
    "cancelled",
  );
  const resumed: number[] = [];
  const halved = await trainRecipe(parseRecipe(recipe), {
    ...options("halved"),
    onStep: ({ step }) => resumed.push(step),
  });
  expect(resumed[0]).toBe(6);
  expect(halved).toEqual(whole);
  const [one, other] = await Promise.all(
    ["whole", "halved"].map((out) => readFile(join(folder, out, "model.safetensors"))),
  );
  expect(other?.equals(one as Buffer)).toBe(true);
  expect(whole.bitsPerByte).toBeLessThan(7);
});

test("a recipe with a wrong or unknown field is refused by name", () => {
  expect(() => parseRecipe({ ...recipe, rate: "fast" })).toThrow('rate must be a number from 0; came "fast"');
  expect(() => parseRecipe({ ...recipe, warmupStep: 3 })).toThrow("warmupStep is not known; did you mean warmupSteps?");
});
