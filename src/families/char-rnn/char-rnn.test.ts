import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { fixture } from "../../../test/helpers/fixtures.ts";
import { loadModel } from "../../inference/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { exportModel, initialize, parameterShapes } from "../../training/index.ts";
import { readConfig } from "../index.ts";

const config = {
  model_type: "char_rnn",
  cell: "gru",
  vocab_size: 400,
  embedding_size: 48,
  hidden_size: 48,
  num_layers: 2,
};

async function parameters(name: string): Promise<number> {
  const path = fileURLToPath(new URL(`../../../models/${name}/recipe.json`, import.meta.url));
  const recipe = JSON.parse(await readFile(path, "utf8")) as { config: Record<string, unknown> };
  const shapes = [...parameterShapes(readConfig(recipe.config)).values()];
  return shapes.reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0);
}

function deviation(data: Float32Array): number {
  return Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / data.length);
}

test("a vocabulary need not be listed in the config: a tokenizer may have it", () => {
  expect(readConfig(config).config).toMatchObject({ vocabSize: 400, tieWordEmbeddings: false });
});

test("embeddings that are also the head need the width of the states", () => {
  const tied = parameterShapes(readConfig({ ...config, tie_word_embeddings: true }));
  expect(tied.has("linear.weight")).toBe(false);
  expect(parameterShapes(readConfig(config)).get("linear.weight")).toEqual([400, 48]);
  expect(() => readConfig({ ...config, tie_word_embeddings: true, embedding_size: 32 })).toThrow(
    "tie_word_embeddings needs embedding_size and hidden_size to be equal; got 32 and 48",
  );
});

test("embeddings begin with deviation 1, those that are also the head with 0.02, cells with 1 / √fan-in", () => {
  const begin = (json: Readonly<Record<string, unknown>>) => {
    const architecture = readConfig(json);
    const drawn = initialize(parameterShapes(architecture), architecture, { seed: 1 });
    return (name: string): number => deviation(drawn[name]?.data as Float32Array);
  };
  const own = begin(config);
  expect(own("embedding.weight")).toBeCloseTo(1, 1);
  expect(own("linear.weight")).toBeCloseTo(0.02, 3);
  expect(own("rnn.weight_ih_l0")).toBeCloseTo(48 ** -0.5, 2);
  expect(own("rnn.bias_hh_l1")).toBe(0);
  expect(begin({ ...config, tie_word_embeddings: true })("embedding.weight")).toBeCloseTo(0.02, 3);
});

test.each(["rnn", "gru", "lstm"])(
  "a %s with a tokenizer of bytes goes on from a text as its full pass says",
  async (cell) => {
    const json = { ...config, cell, eos_token_id: 399 };
    const architecture = readConfig(json);
    const directory = await mkdtemp(join(tmpdir(), "lectern-"));
    const drawn = initialize(parameterShapes(architecture), architecture, { seed: 2 });
    await exportModel(directory, drawn, json, fixture("models/gpt2"));
    await using model = await loadModel(directory);
    expect(model.contextWindow).toBe(Number.POSITIVE_INFINITY);
    const { inputIds, outputIds } = await model.generate({ prompt: "the wolf" }, { doSample: false, maxNewTokens: 12 });
    const read = [...(inputIds[0] as readonly number[])];
    expect(outputIds).toHaveLength(12);
    for (const id of outputIds) {
      const { logits } = (await model.forward({ inputIds: [read] })) as { logits: HostTensor<"float32"> };
      const last = logits.data.subarray(-400);
      expect(last.indexOf(Math.max(...last))).toBe(id);
      read.push(id);
    }
  },
);

test("stories and stories-gru have the same number of parameters, within 3 %", async () => {
  const [transformer, recurrent] = await Promise.all([parameters("stories"), parameters("stories-gru")]);
  expect(Math.abs((recurrent as number) / (transformer as number) - 1)).toBeLessThan(0.03);
});
