import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { logSoftmax } from "../tensor/index.ts";
import { loadModel, type Model } from "./model.ts";

describe("log-probabilities of tokens", () => {
  let model: Model;
  beforeAll(async () => {
    model = await loadModel(fixture("models/llama_gqa"));
  });
  afterAll(() => model.dispose());

  const prompt = [5, 6, 7, 8];

  test("are those of the logits before options change them, for the token itself and the most probable", async () => {
    const events: number[] = [];
    const { sequences } = await model.generate(
      { inputIds: prompt },
      {
        maxNewTokens: 6,
        temperature: 0.5,
        topK: 3,
        seed: 3,
        logProbs: 4,
        outputLogits: true,
        eosTokenId: null,
        onToken: ({ logProbs }) => events.push(logProbs?.logProb ?? Number.NaN),
      },
    );
    const [{ logProbs = [], logits = [], outputIds } = {} as never] = sequences;
    expect(logProbs).toHaveLength(6);
    for (const [i, { logProb, top }] of logProbs.entries()) {
      const all = Float32Array.from(logits[i] as Float32Array);
      logSoftmax(all);
      expect(logProb).toBeCloseTo(all[outputIds[i] as number] as number, 5);
      const best = [...all.keys()].sort((a, b) => (all[b] as number) - (all[a] as number)).slice(0, 4);
      expect(top.map(({ id }) => id)).toEqual(best);
      for (const { id, logProb: own } of top) expect(own).toBeCloseTo(all[id] as number, 5);
    }
    expect(events).toEqual(logProbs.map(({ logProb }) => logProb));
  });

  test("of given rows equal those of decoding the same tokens", async () => {
    const { sequences } = await model.generate(
      { inputIds: prompt },
      { maxNewTokens: 5, doSample: false, logProbs: 2, eosTokenId: null },
    );
    const { outputIds, logProbs = [] } = sequences[0] as (typeof sequences)[number];
    const [scored = []] = await model.scoreTokens([[...prompt, ...outputIds]], { top: 2 });
    expect(scored).toHaveLength(prompt.length + 5);
    expect(scored[0]).toBeNull();
    for (const [i, step] of logProbs.entries()) {
      const own = scored[prompt.length + i];
      expect(own?.logProb).toBeCloseTo(step.logProb, 4);
      expect(own?.top?.map(({ id }) => id)).toEqual(step.top.map(({ id }) => id));
      for (const [j, { logProb }] of step.top.entries()) expect(own?.top?.[j]?.logProb).toBeCloseTo(logProb, 4);
    }
  });

  test("a row one token too long, and beams, are refused", async () => {
    const long = Array.from({ length: model.contextWindow + 1 }, () => 5);
    await expect(model.scoreTokens([long])).rejects.toThrow(/the context window \d+: 1 too many/);
    await expect(model.generate({ inputIds: prompt }, { logProbs: 1, numBeams: 2 })).rejects.toThrow("single beam");
    await expect(model.generate({ inputIds: prompt }, { logProbs: 21 })).rejects.toThrow("from 0 to 20");
  });
});

test("a stop string that begins in the prompt counts only where the prompt counts", async () => {
  await using model = await loadModel("models/stories");
  const prompt = "Once upon a time";
  const options = { doSample: false, maxNewTokens: 12 };
  const { text } = await model.generate({ prompt }, options);
  const stop = `time${text.slice(0, 1)}`;
  const both = await model.generate({ prompt }, { ...options, stopStrings: stop });
  expect(both.finishReason).toBe("stop_string");
  expect(both.outputIds).toHaveLength(1);
  const own = await model.generate({ prompt }, { ...options, stopStrings: stop, stopStringsIn: "output" });
  expect(own.text).toBe(text);
});
