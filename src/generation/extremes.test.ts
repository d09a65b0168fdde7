import { afterAll, describe, expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { type GenerateOptions, loadModel } from "../inference/index.ts";
import { logSoftmax, softmax } from "../tensor/index.ts";
import { byWeighedScore, weighedScore } from "./beam-scores.ts";
import { processorsOf } from "./processors.ts";

const gpt2 = await loadModel(fixture("models/gpt2"));
afterAll(() => gpt2.dispose());
const run = (options: GenerateOptions) =>
  gpt2.generate({ inputIds: [5, 9, 31] }, { maxNewTokens: 6, eosTokenId: null, ...options });

const ways: GenerateOptions[] = [
  {},
  { doSample: true, seed: 1 },
  { temperature: 1e-30, seed: 1 },
  { temperature: 50, seed: 1 },
  { numBeams: 3 },
  { numBeams: 3, doSample: true, seed: 1 },
  { numBeams: 4, numBeamGroups: 2 },
  { repetitionPenalty: 0.5 },
  { renormalizeLogits: true },
];

describe.each([1e308, 1e30, Number.POSITIVE_INFINITY])("a bias of %d writes its token alone", (amount) => {
  test.each(ways)("with %j", async (options) => {
    expect((await run({ ...options, logitBias: { 3: amount } })).outputIds).toEqual([3, 3, 3, 3, 3, 3]);
  });

  test("of several such tokens, one of them", async () => {
    const { outputIds } = await run({ doSample: true, seed: 2, logitBias: { 3: amount, 4: amount } });
    expect(outputIds.every((id) => id === 3 || id === 4)).toBe(true);
  });
});

test("a bias of -Infinity forbids its token, and one that is not a number is refused", async () => {
  const first = (await run({})).outputIds[0] as number;
  for (const amount of [-1e308, Number.NEGATIVE_INFINITY])
    expect((await run({ logitBias: { [first]: amount } })).outputIds).not.toContain(first);
  await expect(run({ logitBias: { 3: Number.NaN } })).rejects.toMatchObject({ code: "usage" });
  await expect(run({ sequenceBias: [[[3], Number.NaN]] })).rejects.toMatchObject({ code: "usage" });
});

test.each([
  [-1000, 2],
  [-1e300, 2],
  [1000, 3],
  [1e300, 3],
  [0, 2],
])("a length penalty of %d gives as many sequences as were asked for, %d of them", async (lengthPenalty, count) => {
  for (const options of [{ numBeams: 4 }, { numBeams: 4, numBeamGroups: 2 }, { numBeams: 4, forceWordsIds: [[60]] }]) {
    const { sequences } = await run({ ...options, lengthPenalty, numReturnSequences: count, eosTokenId: 368 });
    expect(sequences).toHaveLength(count);
    for (const { score, outputIds } of sequences) {
      expect(Number.isFinite(score)).toBe(true);
      expect(outputIds.length).toBeGreaterThan(0);
    }
  }
});

test("beams are compared by their weighed scores, however large the penalty", () => {
  const beam = (score: number, length: number) => ({ score, ids: Array.from({ length }, () => 1) });
  const order = (lengthPenalty: number, ...beams: ReturnType<typeof beam>[]): number[] =>
    beams.toSorted(byWeighedScore(lengthPenalty)).map(({ ids }) => ids.length);
  const beams = [beam(-4, 3), beam(-5, 4), beam(-2, 2)];
  expect(order(1, ...beams)).toEqual([2, 4, 3]); // -1, -1.25, -1.33
  expect(order(-1000, ...beams)).toEqual([2, 3, 4]);
  expect(order(1e6, ...beams)).toEqual([4, 3, 2]);
  expect(order(1e6, beam(0, 2), ...beams)).toEqual([2, 4, 3, 2]);
  expect(weighedScore(beam(-4, 2), 1)).toBe(-2);
  expect(weighedScore(beam(-4, 30), -1000)).toBe(-Number.MAX_VALUE);
});

test("scores that options make infinite share the probability, and are never NaN", () => {
  const scores = Float32Array.of(1, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, -3);
  expect([...softmax(scores)]).toEqual([0, 0.5, 0.5, 0]);
  logSoftmax(scores);
  expect([...scores]).toEqual([-Infinity, Math.fround(-Math.LN2), Math.fround(-Math.LN2), -Infinity]);
});

test("an end token that is forbidden stays so where ends become more likely", () => {
  const options = { eosTokenId: 0, minNewTokens: 9, exponentialDecayLengthPenalty: [0, 1e300] as const };
  const scores = Float32Array.of(2, 1);
  const step = { ids: [5, 6, 7], promptLength: 1, encoderIds: [], maxLength: 100 };
  for (const { apply } of processorsOf(options)) void apply(scores, step);
  expect([...scores]).toEqual([-Infinity, 1]);
});

test("options that leave no token are refused with beams too", async () => {
  const suppressTokens = Array.from({ length: 384 }, (_, id) => id);
  for (const options of [{}, { numBeams: 2 }, { numBeams: 2, numBeamGroups: 2 }, { numBeams: 2, doSample: true }])
    await expect(run({ ...options, suppressTokens })).rejects.toThrow("leave no token that may come next");
});

test("scores that a function of the caller makes NaN are refused", async () => {
  const logitsProcessor = (_: readonly number[], scores: Float32Array) => scores.fill(Number.NaN);
  for (const options of [{}, { numBeams: 2 }])
    await expect(run({ ...options, logitsProcessor })).rejects.toMatchObject({ code: "numeric" });
});

test("the result says how many new tokens fitted in the context window", async () => {
  const inputIds = [[5, 9, 31], [7]];
  const { contextWindow } = gpt2;
  const { sequences, ...result } = await gpt2.generate({ inputIds }, { maxNewTokens: 1e6, eosTokenId: null });
  expect(sequences.map((each) => [each.newTokensThatFit, each.outputIds.length, each.finishReason])).toEqual([
    [contextWindow - 2, contextWindow - 2, "length"],
    [contextWindow, contextWindow, "length"],
  ]);
  expect(result.newTokensThatFit).toBe(contextWindow - 2);
  const beams = { numBeams: 2, maxLength: 1e6, eosTokenId: 26 };
  expect(await gpt2.generate({ inputIds: [5, 9, 31] }, beams)).toMatchObject({ newTokensThatFit: contextWindow - 2 });
  const contrastive = await gpt2.generate(
    { inputIds: [5, 9, 31] },
    { penaltyAlpha: 0.6, topK: 4, maxNewTokens: 1e6, eosTokenId: null },
  );
  expect([contrastive.newTokensThatFit, contrastive.outputIds.length]).toEqual([contextWindow - 3, contextWindow - 3]);
  expect(await run({})).not.toHaveProperty("newTokensThatFit");
});

test.each(ways)("a signal that has fired computes nothing, with %j", async (options) => {
  const seen: number[] = [];
  const result = await gpt2.generate(
    { inputIds: [[5], [6]] },
    {
      ...options,
      numReturnSequences: options.numBeams ?? 1,
      signal: AbortSignal.abort(),
      onToken: ({ id }) => seen.push(id),
    },
  );
  expect(seen).toEqual([]);
  expect(result.sequences).toHaveLength(2 * (options.numBeams ?? 1));
  for (const { outputIds, finishReason } of result.sequences) expect([outputIds, finishReason]).toEqual([[], "abort"]);
  expect(result.timing.engineMs).toBe(0);
});

test("a signal that fires while the prompt is computed leaves no token", async () => {
  const stop = new AbortController();
  const generating = gpt2.generate(
    { inputIds: Array.from({ length: 40 }, (_, i) => i + 1) },
    { maxNewTokens: 4, prefillChunkSize: 1, signal: stop.signal },
  );
  setTimeout(() => stop.abort(), 0);
  expect(await generating).toMatchObject({ outputIds: [], finishReason: "abort" });
});
