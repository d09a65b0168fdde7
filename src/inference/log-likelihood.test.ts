import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loadModel } from "./model.ts";

interface Scored {
  readonly logLikelihood: number;
  readonly isGreedy: boolean;
}

interface Recorded {
  readonly pairs: readonly (Scored & { readonly context: string; readonly continuation: string })[];
  readonly ids: readonly (Scored & {
    readonly contextIds: readonly number[];
    readonly continuationIds: readonly number[];
  })[];
  readonly texts: readonly { readonly text: string; readonly logLikelihood: number }[];
}

const path = new URL("../../test/evaluation/log-likelihoods.json", import.meta.url);
const { models } = JSON.parse(readFileSync(path, "utf8")) as { readonly models: Readonly<Record<string, Recorded>> };
const directory = (name: string): string =>
  new URL(`../../test/parity/fixtures/models/${name}`, import.meta.url).pathname;

describe.each(Object.entries(models))("log-likelihoods of %s equal lm-evaluation-harness 0.4.13", (name, recorded) => {
  test("pairs of texts, pairs of ids, and whole texts in windows", async () => {
    await using model = await loadModel(directory(name));
    const requests = [...recorded.pairs, ...recorded.ids].map(({ logLikelihood, isGreedy, ...pair }) => pair);
    const expected = [...recorded.pairs, ...recorded.ids];
    for (const batchSize of [1, 32]) {
      const results = await model.logLikelihood(requests, { batchSize });
      for (const [i, { logLikelihood, isGreedy }] of expected.entries()) {
        expect(Math.abs((results[i]?.logLikelihood ?? 0) - logLikelihood), JSON.stringify(requests[i])).toBeLessThan(
          1e-4,
        );
        expect(results[i]?.isGreedy).toBe(isGreedy);
      }
    }
    expect(expected.some(({ isGreedy }) => isGreedy)).toBe(true);
    const whole = await model.textLogLikelihood(recorded.texts.map(({ text }) => text));
    for (const [i, { logLikelihood }] of recorded.texts.entries()) {
      // The reference sums in float32: 1e-4 holds for each of hundreds of tokens.
      const tokens = whole[i]?.tokens.length ?? 0;
      expect(Math.abs((whole[i]?.logLikelihood ?? 0) - logLikelihood)).toBeLessThan(1e-4 * Math.max(1, tokens / 100));
    }
  });
});

test("int8 and a recurrent model score continuations, and the rows of a batch do not change each other", async () => {
  for (const [name, precision] of [
    ["gpt2", "int8"],
    ["../../../../models/stories-gru", "float32"],
  ] as const) {
    await using model = await loadModel(directory(name), { precision });
    const pairs = [" a king", " a queen who lived", " x"].map((continuation) => ({
      context: "There was",
      continuation,
    }));
    const batch = await model.logLikelihood(pairs);
    for (const [i, pair] of pairs.entries()) {
      const [alone] = await model.logLikelihood([pair]);
      expect(alone?.logLikelihood).toBeCloseTo(batch[i]?.logLikelihood ?? 0, 4);
    }
  }
});

test("tokens of one context sum to probability 1", async () => {
  await using model = await loadModel(directory("gpt2"));
  const vocabulary = (model.config.vocab_size as number) ?? 0;
  const pairs = Array.from({ length: vocabulary }, (_, id) => ({ contextIds: [5, 6], continuationIds: [id] }));
  const scores = await model.logLikelihood(pairs);
  expect(scores.reduce((sum, { logLikelihood }) => sum + Math.exp(logLikelihood), 0)).toBeCloseTo(1, 5);
  expect(scores.filter(({ isGreedy }) => isGreedy)).toHaveLength(1);
});

test("what cannot be scored is refused", async () => {
  await using model = await loadModel(directory("gpt2"));
  await expect(model.logLikelihood([{ context: "a", continuation: "" }])).rejects.toThrow(/request 1 has no token/);
  const unnamed = [{ context: "a" }] as unknown as Parameters<typeof model.logLikelihood>[0];
  await expect(model.logLikelihood(unnamed)).rejects.toThrow(/must be a list of pairs/);
  const long = { contextIds: [1], continuationIds: new Array<number>(65).fill(3) };
  await expect(model.logLikelihood([long])).rejects.toThrow(/has 65 tokens; the context window has 64/);
  for (const name of ["bert_cls", "roberta_mlm"]) {
    await using encoder = await loadModel(directory(name));
    await expect(encoder.logLikelihood([{ contextIds: [5], continuationIds: [6] }])).rejects.toThrow(
      /predicts no tokens/,
    );
  }
});
