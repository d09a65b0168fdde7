import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import type { GenerateResult } from "./generate-call.ts";
import { type GenerateOptions, loadModel, type Model } from "./model.ts";

/** Sixteen prompts of different lengths. */
const prompts = Array.from({ length: 16 }, (_, i) =>
  Array.from({ length: 1 + ((5 * i) % 13) }, (_, at) => 3 + ((i * 37 + at * at * 11 + at * 5) % 350)),
);
const options = { doSample: false, maxNewTokens: 12, eosTokenId: null, outputLogits: true } as const;

const generate = (model: Model, i: number, own: GenerateOptions = {}): Promise<GenerateResult> =>
  model.generate({ inputIds: prompts[i] as number[] }, { ...options, ...own });

/** Some requests that differ from the others in how many tokens they write. */
const lengthOf = (i: number): GenerateOptions => ({ maxNewTokens: 4 + ((7 * i) % 11) });

async function aloneOf(model: Model): Promise<GenerateResult[]> {
  const alone: GenerateResult[] = [];
  for (const i of prompts.keys()) alone.push(await generate(model, i, lengthOf(i)));
  return alone;
}

describe.each(["llama_gqa", "mistral", "gpt2"])("%s: sixteen requests at once", (name) => {
  test("give exactly the logits of each alone in int8", async () => {
    const model = await loadModel(fixture(`models/${name}`), { precision: "int8" });
    const alone = await aloneOf(model);
    const together = await Promise.all(prompts.map((_, i) => generate(model, i, lengthOf(i))));
    for (const [i, { sequences }] of together.entries()) expect(sequences).toEqual(alone[i]?.sequences);
    await model.dispose();
  });

  test.each(["float32", "int4"] as const)("give the tokens of each alone in %s", async (precision) => {
    const model = await loadModel(fixture(`models/${name}`), { precision });
    const alone = await aloneOf(model);
    const together = await Promise.all(prompts.map((_, i) => generate(model, i, lengthOf(i))));
    for (const [i, { outputIds }] of together.entries()) expect(outputIds).toEqual(alone[i]?.outputIds);
    await model.dispose();
  });
});

describe("of sixteen requests", () => {
  let model: Model;
  let alone: readonly GenerateResult[];
  beforeAll(async () => {
    model = await loadModel(fixture("models/llama_gqa"), { precision: "int8" });
    alone = await aloneOf(model);
  });
  afterAll(() => model.dispose());

  test.each([
    ["a processor that throws", { logitsProcessor: throwing, stoppingCriteria: undefined }],
    ["a processor that rejects later", { logitsProcessor: rejecting }],
    ["stopping criteria that throw", { stoppingCriteria: throwing }],
    ["a callback that throws", { onToken: throwing }],
  ] satisfies [string, GenerateOptions][])("%s fails alone, the others' logits stay the same", async (_, own) => {
    const all = await Promise.allSettled(prompts.map((_, i) => generate(model, i, i % 5 === 2 ? own : lengthOf(i))));
    for (const [i, result] of all.entries())
      if (i % 5 === 2) expect(result).toMatchObject({ status: "rejected", reason: { message: "the caller's own" } });
      else expect(result).toMatchObject({ value: { sequences: alone[i]?.sequences } });
  });

  test("those that are cancelled, before or while they run, end alone", async () => {
    const all = await Promise.all(
      prompts.map((_, i) => {
        if (i % 4 !== 1) return generate(model, i, lengthOf(i));
        const stop = new AbortController();
        let seen = 0;
        if (i === 1) stop.abort();
        const stoppingCriteria = (): boolean => {
          if (++seen === i % 7) stop.abort();
          return false;
        };
        return generate(model, i, { signal: stop.signal, stoppingCriteria, maxNewTokens: 12 });
      }),
    );
    for (const [i, result] of all.entries())
      if (i % 4 === 1) expect(result.finishReason).toBe("abort");
      else expect(result.sequences).toEqual(alone[i]?.sequences);
  });
});

test("disposal while sixteen requests run, and more wait, fails all of them and ends", async () => {
  const model = await loadModel(fixture("models/llama_gqa"), { maxSequences: 8 });
  let seen = 0;
  let begin = (): void => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const onToken = (): void => {
    if (++seen === 12) begin();
  };
  const all = Promise.allSettled(prompts.map((_, i) => generate(model, i, { maxNewTokens: 80, onToken })));
  await begun;
  await model.dispose();
  for (const result of await all)
    expect(result).toMatchObject({ status: "rejected", reason: { code: "engine", message: "the model was disposed" } });
  await expect(generate(model, 0)).rejects.toMatchObject({ code: "engine", message: "the model was disposed" });
});

function throwing(): never {
  throw new Error("the caller's own");
}

async function rejecting(): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, 2));
  throw new Error("the caller's own");
}
