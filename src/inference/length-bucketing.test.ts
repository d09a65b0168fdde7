import { expect, test } from "vitest";
import { fixture, maxDifference } from "../../test/helpers/fixtures.ts";
import { Random } from "../common/index.ts";
import { batchesByLength, forwardRows, packInputs, padInputs } from "./length-bucketing.ts";
import { loadModel } from "./model.ts";

test("rows of like length are batched, each once, the shortest first, and never more than were asked for", () => {
  const random = new Random(5);
  const lengths = Array.from({ length: 200 }, () => 1 + Math.floor(random.next() * 120));
  const batches = batchesByLength(lengths, 16);
  expect(batches.flat().toSorted((a, b) => a - b)).toEqual([...lengths.keys()]);
  expect(Math.max(...batches.map((batch) => batch.length))).toBeLessThanOrEqual(16);
  const longest = batches.map((batch) => Math.max(...batch.map((index) => lengths[index] as number)));
  expect(longest).toEqual(longest.toSorted((a, b) => a - b));
  const tokens = lengths.reduce((a, b) => a + b);
  const padded = batches.reduce((sum, batch, i) => sum + batch.length * (longest[i] as number), 0);
  expect(padded / tokens).toBeLessThan(1.05);
});

test("rows of one length stay together, and one long row is computed by itself", () => {
  expect(batchesByLength([9, 9, 9, 9])).toEqual([[0, 1, 2, 3]]);
  expect(batchesByLength([5, 400, 5])).toEqual([[0, 2], [1]]);
  expect(batchesByLength([])).toEqual([]);
});

test("shorter rows are filled up on the right, and the mask says so", () => {
  expect(padInputs([{ ids: [5, 6, 7], typeIds: [0, 1, 1] }, { ids: [8] }], 9)).toEqual({
    inputIds: [
      [5, 6, 7],
      [8, 9, 9],
    ],
    attentionMask: [
      [1, 1, 1],
      [1, 0, 0],
    ],
    tokenTypeIds: [
      [0, 1, 1],
      [0, 0, 0],
    ],
  });
});

test("rows side by side take as few as hold them, and each is found again", () => {
  const rows = [3, 9, 5, 4, 2, 6].map((length, i) => ({ ids: new Array<number>(length).fill(10 + i) }));
  const { inputs, places } = packInputs(rows, 0);
  expect(inputs.inputIds.map((row) => row.length)).toEqual([9, 9, 9, 9]);
  for (const [i, { row, at }] of places.entries()) {
    const { ids } = rows[i] as { ids: number[] };
    expect(inputs.inputIds[row]?.slice(at, at + ids.length)).toEqual(ids);
    const texts = inputs.texts?.[row] as readonly number[];
    expect(new Set(texts.slice(at, at + ids.length)).size).toBe(1);
    expect(texts.filter((text) => text === texts[at])).toHaveLength(ids.length);
  }
  expect(inputs.texts?.flat().filter((text) => text === -1)).toHaveLength(4 * 9 - 29);
  expect(inputs.attentionMask?.flat().filter((flag) => flag === 0)).toHaveLength(4 * 9 - 29);
  expect(batchesByLength([5, 5, 6, 40], 32, true)).toEqual([[0, 1, 2], [3]]);
  expect(batchesByLength([20, 20, 30, 40], 32, true)).toEqual([[0, 1, 2, 3]]);
});

test.each([
  "bert",
  "albert_mlm",
  "distilbert_cls",
  "roberta_mlm",
  "electra_disc",
  "modernbert_mlm",
  "bert_ner",
  "deberta_v2_cls",
])("%s: a text beside others has the states that it has alone", async (name) => {
  await using model = await loadModel(fixture(`models/${name}`));
  const random = new Random(3);
  const rows = [7, 19, 3, 11, 4, 12, 23, 5].map((length) => ({
    ids: Array.from({ length }, () => 5 + random.nextInt(200)),
  }));
  const asked: number[] = [];
  const counting = {
    tokenizer: model.tokenizer,
    isEncoder: true,
    forward: (...args: Parameters<typeof model.forward>) => {
      asked.push(args[0].inputIds.length);
      return model.forward(...args);
    },
  };
  const options = { forward: { hiddenStates: true } };
  const beside = await forwardRows(
    counting,
    rows,
    options,
    ({ hiddenStates = [] }, { row, at }, index) => {
      const { shape, data } = hiddenStates.at(-1) as (typeof hiddenStates)[number];
      const [, width, size] = shape as [number, number, number];
      const length = rows[index]?.ids.length as number;
      return data.slice((row * width + at) * size, (row * width + at + length) * size);
    },
    { ofTokens: true },
  );
  expect(asked.reduce((a, b) => a + b)).toBeLessThan(rows.length);
  for (const [i, { ids }] of rows.entries()) {
    const { hiddenStates = [] } = await model.forward({ inputIds: [ids] }, { hiddenStates: true });
    const alone = hiddenStates.at(-1) as (typeof hiddenStates)[number];
    const data = beside[i] as Float32Array;
    expect(maxDifference(alone, { ...alone, data })).toBeLessThan(1e-5);
  }
});

test("texts side by side are for encoders", async () => {
  await using model = await loadModel(fixture("models/gpt2"));
  await expect(model.forward({ inputIds: [[5, 6]], texts: [[0, 1]] })).rejects.toThrow(
    "GPT-2 takes one text a row; several are for encoders",
  );
});
