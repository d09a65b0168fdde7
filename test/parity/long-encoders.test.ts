import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type ForwardResult, loadModel, namedTensors } from "../../src/inference/index.ts";
import type { HostTensor } from "../../src/tensor/index.ts";
import { fixture, maskQueries, maxDifference, readTensors, rowsOf } from "../helpers/fixtures.ts";

/** Reference: transformers 5.23.0, torch 2.15.0, float32; its weights in windows and of global tokens as one matrix. */
const TOLERANCE = 1e-4;

const FILE = "inner.safetensors";
const names = readdirSync(fixture("cases")).filter((name) => existsSync(join(fixture("cases"), name, FILE)));

test.each(names)(
  "%s has the reference's hidden states and attention weights, rows padded on the left",
  async (name) => {
    const directory = join(fixture("cases"), name);
    const expected = await readTensors(directory, FILE);
    const [ids, mask] = [rowsOf(expected.ids as HostTensor), rowsOf(expected.mask as HostTensor)];
    await using model = await loadModel(directory);
    const decoderInputIds = model.isEncoderDecoder ? { decoderInputIds: ids.map(() => [0, 5, 7]) } : {};
    const inputs = { inputIds: ids, attentionMask: mask, ...decoderInputIds };
    const results = namedTensors(await model.forward(inputs, { hiddenStates: true, attentions: true }));
    const wanted = Object.entries(expected).filter(([key]) => key !== "ids" && key !== "mask");
    expect(wanted.length).toBeGreaterThan(2);
    for (const [key, reference] of wanted) {
      const axis = key.includes("attentions") ? 2 : 1;
      const [own, other] = [results[key] as HostTensor, reference].map((tensor) => maskQueries(tensor, mask, axis));
      expect(maxDifference(own as HostTensor, other as HostTensor), key).toBeLessThan(TOLERANCE);
    }
  },
);

test.each(["longformer_question", "longformer_choice"])(
  "%s refuses a row without three separators, by their field",
  async (name) => {
    await using model = await loadModel(fixture(`cases/${name}`));
    const rows = [
      [5, 2, 2, 6, 7, 2],
      [5, 2, 9, 6, 7, 2],
    ];
    await expect(model.forward({ inputIds: rows })).rejects.toThrow(
      "row 2 must have 3 separators (sep_token_id 2), of which the first ends the question; got 2",
    );
  },
);

test.each([
  ["longformer_model", 7, "last_hidden_state"],
  ["longformer_tokens", 7, "logits"],
  ["big_bird", 22, "logits"],
])(
  "several texts in a row of %s see themselves alone, each with its own windows or blocks",
  async (name, length, key) => {
    await using model = await loadModel(fixture(`cases/${name}`));
    const first = Array.from({ length }, (_, i) => 5 + i);
    const second = [12, 13, 14, 15];
    const packedResults = await model.forward({
      inputIds: [[...first, ...second, 1]],
      texts: [[...first.map(() => 0), ...second.map(() => 1), -1]],
    });
    const values = (results: ForwardResult): number[] => Array.from(namedTensors(results)[key]?.data ?? [], Number);
    const apart = await Promise.all([first, second].map((row) => model.forward({ inputIds: [row] })));
    const expected = apart.flatMap(values);
    const packed = values(packedResults).slice(0, expected.length);
    expect(expected.length).toBeGreaterThan(0);
    expect(Math.max(...packed.map((x, i) => Math.abs(x - (expected[i] as number))))).toBeLessThan(1e-5);
  },
);

test("LED reads as many tokens as its encoder has positions for, and writes as many as its decoder has", async () => {
  await using model = await loadModel(fixture("cases/led"));
  const row = (length: number): number[] => Array.from({ length }, (_, i) => 4 + (i % 30));
  const { outputIds } = await model.generate({ inputIds: [row(40)] }, { doSample: false, maxNewTokens: 60 });
  expect(outputIds).toHaveLength(24);
  expect(model.contextWindow).toBe(40);
  await expect(model.generate({ inputIds: [row(41)] }, { maxNewTokens: 2 })).rejects.toThrow(
    "the encoder's input has 41 tokens, its window 40: 1 too many",
  );
  const inputs = { inputIds: [row(30)], decoderInputIds: [row(25)] };
  await expect(model.forward(inputs)).rejects.toThrow("25 tokens, but the decoder's context window has 24: 1 too many");
  await expect(model.forward({ inputIds: [row(4)], labels: [row(26)] })).rejects.toThrow(
    "26 tokens, but the decoder's",
  );
});
