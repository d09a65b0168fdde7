import { existsSync, readdirSync } from "node:fs";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ForwardResult, loadModel, namedTensors } from "../../src/inference/index.ts";
import type { HostTensor } from "../../src/tensor/index.ts";
import { finetune } from "../../src/training/index.ts";
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

const CHOSEN = "chosen.safetensors";
const chosen = readdirSync(fixture("cases")).filter((name) => existsSync(join(fixture("cases"), name, CHOSEN)));

describe("tokens that see all, as the caller chooses them", () => {
  test.each(chosen)("give %s the reference's logits", async (name) => {
    const directory = join(fixture("cases"), name);
    const expected = await readTensors(directory, CHOSEN);
    const rows = (key: string): number[][] => rowsOf(expected[key] as HostTensor);
    await using model = await loadModel(directory);
    const results = await model.forward({
      inputIds: rows("ids"),
      attentionMask: rows("mask"),
      globalAttentionMask: rows("global"),
      ...(model.isEncoderDecoder && { decoderInputIds: rows("ids").map(() => [0, 5, 7]) }),
    });
    const [own, reference] = [results.logits as HostTensor, expected.logits as HostTensor];
    const isByToken = reference.shape[1] === rows("ids")[0]?.length;
    const shown = (tensor: HostTensor): HostTensor => (isByToken ? maskQueries(tensor, rows("mask"), 1) : tensor);
    expect(maxDifference(shown(own), shown(reference))).toBeLessThan(TOLERANCE);
  });

  test("give LED the reference's greedy and beam tokens", async () => {
    const directory = fixture("cases/led");
    const expected = await readTensors(directory, CHOSEN);
    const rows = (key: string): number[][] => rowsOf(expected[key] as HostTensor);
    await using model = await loadModel(directory);
    const lengths = rows("mask").map((row) => row.reduce((sum, bit) => sum + bit, 0));
    const inputIds = rows("ids").map((row, i) => row.slice(0, lengths[i]));
    const globalAttentionMask = rows("global").map((row, i) => row.slice(0, lengths[i]));
    for (const [key, numBeams] of [
      ["greedy", 1],
      ["beams", 4],
    ] as const) {
      const options = { doSample: false, maxNewTokens: 10, numBeams, globalAttentionMask };
      const { sequences } = await model.generate({ inputIds }, options);
      expect(sequences.map(({ outputIds }) => outputIds)).toEqual(rows(key));
    }
    const plain = await model.generate({ inputIds }, { doSample: false, maxNewTokens: 10 });
    expect(plain.sequences.map(({ outputIds }) => outputIds)).not.toEqual(rows("greedy"));
  });

  test("are as many as the tokens of each prompt, 0 or 1, and of a model that attends in windows", async () => {
    await using model = await loadModel(fixture("cases/led"));
    const generate = (globalAttentionMask: number[][]) =>
      model.generate({ inputIds: [5, 6, 7] }, { maxNewTokens: 2, globalAttentionMask });
    await expect(generate([[1, 0]])).rejects.toThrow("must have a row for each prompt, of 3 tokens; got 2");
    await expect(generate([[2, 0, 0]])).rejects.toThrow("globalAttentionMask must be rows of 1 for a token that sees");
    const inputIds = [[5, 6, 7]];
    await expect(model.forward({ inputIds, globalAttentionMask: [[1]] })).rejects.toThrow("shape of inputIds, [1, 3]");
    await expect(model.forward({ inputIds, globalAttentionMask: [[1, 3, 0]] })).rejects.toThrow(
      "must hold 1 for a token",
    );
    await using other = await loadModel(fixture("cases/big_bird"));
    await expect(other.forward({ inputIds, globalAttentionMask: [[1, 0, 0]] })).rejects.toThrow(
      "globalAttentionMask is for attention in windows, as of Longformer; BigBird has none",
    );
    await using classes = await loadModel(fixture("cases/longformer_classes"));
    await expect(classes.forward({ inputIds, texts: [[0, 0, 1]] })).rejects.toThrow("takes one text a row; got texts");
    await using bart = await loadModel(fixture("models/bart"));
    const asked = { maxNewTokens: 2, globalAttentionMask: [[1, 0, 0]] };
    await expect(bart.generate({ inputIds }, asked)).rejects.toThrow("as of LED; BART has none");
  });
});

test("fine-tuning keeps the projections of global tokens that its own head does not use", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  const [base, out] = ["base", "out"].map((name) => join(folder, name)) as [string, string];
  await cp(fixture("cases/longformer_model"), base, { recursive: true });
  const words = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b", ...Array.from({ length: 33 }, (_, i) => `w${i}`)];
  const vocab = Object.fromEntries(words.map((word, id) => [word, id]));
  const model = { type: "WordLevel", vocab, unk_token: "<unk>" };
  await writeFile(
    join(base, "tokenizer.json"),
    JSON.stringify({ version: "1.0", pre_tokenizer: { type: "Whitespace" }, model }),
  );
  const data = Array.from({ length: 8 }, (_, i) => ({ tokens: ["a", "b"], tags: [i % 2 ? "x" : "y", "x"] }));
  await finetune({ task: "token-classification", model: base, data, out, epochs: 1 });
  const [before = {}, after = {}] = await Promise.all([base, out].map((at) => readTensors(at, "model.safetensors")));
  const kept = Object.keys(before).filter((name) => /_global\./.test(name));
  expect(kept).toHaveLength(6);
  for (const name of kept)
    expect(maxDifference(after[`longformer.${name}`] as HostTensor, before[name] as HostTensor), name).toBe(0);
  await rm(folder, { recursive: true });
});
