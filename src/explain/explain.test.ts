import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModel, type Model } from "../inference/index.ts";
import { ablateHeads, headImportance, headMeasures, logitLens, tokenInfluence, wordContexts } from "./index.ts";

let stories: Model;
let sentiment: Model;
let translate: Model;

beforeAll(async () => {
  stories = await loadModel("stories");
  sentiment = await loadModel("sentiment");
  translate = await loadModel("translate");
});
afterAll(async () => {
  for (const model of [stories, sentiment, translate]) await model?.dispose();
});

const text = "Once upon a time, there was a little girl. The little";

test("the logit lens ends with the probabilities of generate, and begins elsewhere", async () => {
  const lens = await logitLens(stories, text, { top: 4 });
  const steps: number[] = [];
  const { outputIds } = await stories.generate(
    { prompt: text },
    {
      doSample: false,
      maxNewTokens: 1,
      candidates: 4,
      onToken: ({ candidates = [] }) => steps.push(...candidates.map(({ before }) => before)),
    },
  );
  expect(lens.map(({ layer }) => layer)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  const last = lens.at(-1);
  expect(last?.top[0]?.id).toBe(outputIds[0]);
  expect(last?.rank).toBe(1);
  for (const [i, { probability }] of (last?.top ?? []).entries())
    expect(probability).toBeCloseTo(steps[i] as number, 4);
  expect(lens[0]?.probability as number).toBeLessThan(last?.probability as number);
});

test("the logit lens of an encoder–decoder reads its decoder", async () => {
  const { outputIds, inputIds } = await translate.generate(
    { prompt: "translate English to German: The dog sleeps." },
    { numBeams: 1 },
  );
  const decoderIds = [0, ...outputIds.slice(0, -1)];
  const positions = [...decoderIds.keys()];
  const lens = await logitLens(translate, inputIds[0] as number[], { decoderIds, positions });
  const written = lens.filter(({ layer }) => layer === 3).map(({ top }) => top[0]?.id);
  expect(written.slice(0, -1)).toEqual(outputIds.slice(0, -1)); // the last is forced
});

describe("head ablation", () => {
  test("without a head is the model itself, with one another prediction", async () => {
    const none = await ablateHeads(stories, text, []);
    expect(none.divergence).toBe(0);
    expect(none.after).toEqual(none.before);
    const importance = await headImportance(stories, text);
    expect(importance.map((row) => row.length)).toEqual([8, 8, 8, 8, 8, 8]);
    const { divergence } = await ablateHeads(stories, text, [{ layer: 2, head: 3 }]);
    expect(importance[2]?.[3]).toBeCloseTo(divergence, 5);
    expect(Math.max(...importance.flat())).toBeGreaterThan(0.01);
  });

  test("compares the classes of a classifier, and refuses a head that there is not", async () => {
    const { before } = await ablateHeads(sentiment, "A joy to read.", [{ layer: 0, head: 0 }]);
    expect(before[0]).toMatchObject({ label: "positive" });
    await expect(ablateHeads(sentiment, "x", [{ layer: 3, head: 0 }])).rejects.toThrow("3 layers of 6");
  });
});

describe("token influence", () => {
  test.each(["leave-one-out", "gradient-x-input"] as const)("by %s names the word that decides", async (method) => {
    const { target, tokens } = await tokenInfluence(sentiment, "The book was terrible.", { method });
    expect(target.label).toBe("negative");
    const strongest = tokens.reduce((best, token) => (token.influence > best.influence ? token : best));
    expect(strongest.token.trim()).toBe("terrible");
  });

  test("leave one out is the difference of two passes", async () => {
    const { target, tokens } = await tokenInfluence(stories, [11, 12, 13]);
    const logProb = async (ids: readonly number[]): Promise<number> => {
      const { logits } = await stories.forward({ inputIds: [ids] });
      const row = logits?.data.slice(-2048) as Float32Array;
      const most = Math.max(...row);
      return (row[target.id] as number) - most - Math.log(row.reduce((sum, x) => sum + Math.exp(x - most), 0));
    };
    expect(tokens[1]?.influence).toBeCloseTo((await logProb([11, 12, 13])) - (await logProb([11, 13])), 4);
  });

  test("gradient × input is the slope of the log-probability along the embedding", async () => {
    const { target, tokens } = await tokenInfluence(stories, [11, 12, 13], { method: "gradient-x-input" });
    expect(tokens).toHaveLength(3);
    expect(tokens.some(({ influence }) => Math.abs(influence) > 1e-3)).toBe(true);
    expect(target.probability).toBeGreaterThan(0);
  });

  test("of a translation is that of its source", async () => {
    const source = await translate.tokenizer?.encode("translate English to German: The dog sleeps.");
    for (const method of ["leave-one-out", "gradient-x-input"] as const) {
      const { tokens } = await tokenInfluence(translate, source?.ids as number[], { method, decoderIds: [0] });
      expect(tokens).toHaveLength(source?.ids.length as number);
    }
  });

  test("is refused of an encoder without classes", async () => {
    await expect(tokenInfluence(stories, [])).rejects.toMatchObject({ code: "input" });
  });
});

test("head measures are shares, and a head of the previous token is found", async () => {
  const heads = await headMeasures(stories, text);
  expect(heads).toHaveLength(48);
  for (const { shares } of heads) for (const share of Object.values(shares)) expect(share).toBeGreaterThanOrEqual(0);
  expect(heads.some(({ habit, shares }) => habit === "previous" && shares.previous > 0.5)).toBe(true);
});

test("a word begins alike in two texts and ends apart", async () => {
  const layers = await wordContexts(sentiment, ["a kind man", "a kind of glue"], "kind");
  expect(layers).toHaveLength(4);
  expect(layers[0]?.similarity as number).toBeGreaterThan(layers.at(-1)?.similarity as number);
});
