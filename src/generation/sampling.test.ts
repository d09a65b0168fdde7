import { afterAll, describe, expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { type GenerateOptions, loadModel } from "../inference/index.ts";
import { pipeline } from "../pipelines/index.ts";
import { parseCheckpointOptions, parseOptions } from "./parse-options.ts";
import { settleOptions } from "./sampling.ts";

const gpt2 = await loadModel(fixture("models/gpt2"));
afterAll(() => gpt2.dispose());
const inputIds = [5, 9, 31, 7];
const length = { maxNewTokens: 12, eosTokenId: null };
const textOf = async (options: GenerateOptions): Promise<string> =>
  (await gpt2.generate({ inputIds }, { ...length, ...options })).outputIds.join();
const greedy = await textOf({});

/** Each at a value with a large effect on a model without training. */
const drawing: [string, GenerateOptions][] = [
  ["temperature", { temperature: 5 }],
  ["topK", { topK: 200 }],
  ["topP", { topP: 0.99 }],
  ["minP", { minP: 0.001 }],
  ["topH", { topH: 0.99 }],
  ["typicalP", { typicalP: 0.99 }],
  ["epsilonCutoff", { epsilonCutoff: 0.0001 }],
  ["etaCutoff", { etaCutoff: 0.0001 }],
];

describe("an option that only drawing uses", () => {
  test.each(drawing)("%s draws tokens, the same as with doSample", async (_, options) => {
    const texts = await Promise.all([1, 2, 3].map((seed) => textOf({ ...options, seed })));
    expect(new Set(texts).size).toBe(3);
    expect(texts[0]).toBe(await textOf({ ...options, doSample: true, seed: 1 }));
  });

  test.each(drawing)("%s contradicts doSample: false", async (name, options) => {
    await expect(textOf({ ...options, doSample: false })).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining(`${name} draws tokens and doSample: false does not`),
    });
  });

  test("draws beams where there are several", async () => {
    const options = { numBeams: 3, temperature: 5, seed: 4 };
    expect(await textOf(options)).toBe(await textOf({ ...options, doSample: true }));
    expect(await textOf(options)).not.toBe(await textOf({ numBeams: 3 }));
  });

  test("is refused beside a search that draws nothing", async () => {
    await expect(textOf({ penaltyAlpha: 0.6, topK: 4, temperature: 2 })).rejects.toThrow(
      "temperature draws tokens and penaltyAlpha, a contrastive search, does not",
    );
    await expect(textOf({ numBeams: 4, numBeamGroups: 2, topP: 0.5 })).rejects.toThrow("searched, not drawn");
  });
});

test.each<GenerateOptions>([
  { temperature: 1 },
  { topK: 0, topP: 1, minP: 0, typicalP: 1, epsilonCutoff: 0, etaCutoff: 0 },
  { temperature: 0 },
  { temperature: 0, doSample: true },
  { temperature: 0, topP: 0.9 },
  { doSample: false, temperature: 1, topP: 1 },
])("%j is greedy", async (options) => {
  expect(await textOf(options)).toBe(greedy);
});

test("topK of a contrastive search draws nothing", async () => {
  const options = { penaltyAlpha: 0.6, topK: 4 };
  expect(await textOf({ ...options, seed: 1 })).toBe(await textOf({ ...options, seed: 2, doSample: false }));
});

describe("a checkpoint's own options", () => {
  test.each([
    [{ temperature: 0.6, top_p: 0.9 }, {}, false],
    [{ temperature: 0.6, do_sample: true }, {}, true],
    [{ temperature: 0.6, do_sample: true }, { doSample: false }, false],
    [{ do_sample: false }, { topP: 0.9 }, true],
    [{ do_sample: true }, { temperature: 0 }, false],
    [{ do_sample: true, temperature: 0 }, {}, false],
    [{ do_sample: true }, { penaltyAlpha: 0.5, topK: 4 }, false],
    [{ penalty_alpha: 0.5, do_sample: true }, { topK: 4 }, false],
    [{ do_sample: true }, { numBeams: 4, numBeamGroups: 2 }, false],
  ])("%j with %j of the call: drawn is %j", (checkpoint, options, doSample) => {
    const settled = settleOptions(parseOptions(options), parseCheckpointOptions(checkpoint));
    expect(settled.doSample).toBe(doSample);
  });

  test("give way, a temperature of 0 among them, to a call that draws", () => {
    const settled = settleOptions({ doSample: true }, parseCheckpointOptions({ temperature: 0 }));
    expect(settled).toEqual({ doSample: true });
  });

  test("may hold fields that nobody knows, and ids below 0, which are none", () => {
    expect(parseCheckpointOptions({ chat_format: "chatml", pad_token_id: -1, eos_token_id: -1, top_k: 5 })).toEqual({
      eosTokenId: null,
      topK: 5,
    });
    expect(parseCheckpointOptions({ eos_token_id: [3, -1] })).toEqual({ eosTokenId: [3] });
    expect(() => parseCheckpointOptions({ top_k: "many" })).toThrow(
      'generation_config.json: top_k must be a whole number from 0; got "many"',
    );
  });
});

describe("a pipeline, which draws by itself", () => {
  test("is greedy where the call says so", async () => {
    const generate = await pipeline("text-generation", gpt2);
    const texts = async (options: object): Promise<string> =>
      JSON.stringify(await generate("When I", { maxNewTokens: 8, eosTokenId: null, ...options }));
    const plain = await texts({ doSample: false });
    expect(await texts({ temperature: 0 })).toBe(plain);
    expect(await texts({ seed: 1 })).not.toBe(plain);
    await expect(texts({ doSample: false, topK: 3 })).rejects.toThrow("topK draws tokens and doSample: false does not");
  });
});
