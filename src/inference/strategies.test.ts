import { cp, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fixture, maxDifference } from "../../test/helpers/fixtures.ts";
import type { HostTensor } from "../tensor/index.ts";
import { KeyValueCache } from "./cache/key-value-cache.ts";
import { loadModel } from "./model.ts";

const gpt2 = await loadModel(fixture("models/gpt2"));
const llama = await loadModel(fixture("models/llama_gqa"));
const t5 = await loadModel(fixture("models/t5_gated"));
afterAll(async () => {
  for (const model of [gpt2, llama, t5]) await model.dispose();
});
const inputIds = [[5, 9, 31, 7, 7, 12]];
const plain = { maxNewTokens: 16, eosTokenId: null } as const;

describe("guessing ahead changes nothing", () => {
  const ways = [
    ["assistantEarlyExit", { assistantEarlyExit: 1 }],
    ["assistantModel, itself", { assistantModel: gpt2.location, assistantConfidenceThreshold: 0 }],
    ["assistantModel, few tokens", { assistantModel: fixture("models/gpt2_fp16"), numAssistantTokens: 3 }],
    ["heuristic", { assistantModel: fixture("models/gpt2_fp16"), numAssistantTokensSchedule: "heuristic" as const }],
    ["promptLookupNumTokens", { promptLookupNumTokens: 4 }],
  ] as const;
  test.each(ways)("%s: greedy and drawn tokens are those of plain decoding", async (_, options) => {
    for (const drawn of [{}, { doSample: true, seed: 3, temperature: 1.5, topK: 0 }]) {
      const wanted = await gpt2.generate({ inputIds }, { ...plain, ...drawn });
      const guessed = await gpt2.generate({ inputIds }, { ...plain, ...drawn, ...options });
      expect(guessed.outputIds).toEqual(wanted.outputIds);
    }
  });

  test("an encoder–decoder has an assistant too", async () => {
    const wanted = await t5.generate({ inputIds }, plain);
    const guessed = await t5.generate({ inputIds }, { ...plain, assistantModel: t5 });
    expect(guessed.outputIds).toEqual(wanted.outputIds);
    const early = await t5.generate({ inputIds }, { ...plain, assistantEarlyExit: 1 });
    expect(early.outputIds).toEqual(wanted.outputIds);
  });

  test("an assistant of another kind or tokenizer is refused", async () => {
    await expect(gpt2.generate({ inputIds }, { ...plain, assistantModel: t5 })).rejects.toThrow("of the same kind");
    await expect(gpt2.generate({ inputIds }, { ...plain, assistantModel: "/none" })).rejects.toThrow(
      "there is no file or directory",
    );
  });
});

describe("words that must come", () => {
  test.each([
    ["gpt2", gpt2],
    ["t5", t5],
  ] as const)("%s: they come, and the beams are still among the most probable", async (_, model) => {
    const words = [
      [40, 41],
      [[50], [51, 52]],
    ];
    const options = { ...plain, numBeams: 4, numReturnSequences: 2 };
    const { sequences } = await model.generate({ inputIds }, { ...options, forceWordsIds: words });
    expect(sequences).toHaveLength(2);
    for (const { outputIds } of sequences) {
      const text = ` ${outputIds.join(" ")} `;
      expect(text).toContain(" 40 41 ");
      expect(/ 50 | 51 52 /.test(text)).toBe(true);
    }
    const free = await model.generate({ inputIds }, options);
    expect(free.sequences[0]?.score as number).toBeGreaterThanOrEqual(sequences[0]?.score as number);
  });

  test("no end comes before them", async () => {
    const [likely] = (await gpt2.generate({ inputIds }, plain)).outputIds as [number];
    const options = { maxNewTokens: 12, eosTokenId: likely, numBeams: 3, forceWordsIds: [[60]] };
    const { outputIds } = await gpt2.generate({ inputIds }, options);
    expect(outputIds).toContain(60);
    expect(outputIds.slice(0, -1)).not.toContain(likely);
  });

  test.each([
    [{ doSample: true, numBeams: 2 }, "forceWordsIds and doSample do not go together"],
    [{}, "forceWordsIds needs beams"],
    [{ numBeams: 2, maxNewTokens: 1, forceWordsIds: [[1, 2]] }, "have 2 tokens, but only 1 fit"],
    [{ numBeams: 2, forceWordsIds: [[9999]] }, "forceWordsIds names token 9999"],
  ])("%j is refused", async (options, message) => {
    await expect(gpt2.generate({ inputIds }, { ...plain, forceWordsIds: [[3]], ...options })).rejects.toThrow(message);
  });
});

test("DoLa chooses by the difference of the layers' log-probabilities", async () => {
  const { hiddenStates, logits } = await llama.forward({ inputIds }, { hiddenStates: true });
  const layers = (hiddenStates?.length as number) - 1;
  const { outputIds, sequences } = await llama.generate(
    { inputIds },
    { maxNewTokens: 1, dolaLayers: [0], outputLogits: true },
  );
  const tensor = logits as HostTensor<"float32">;
  const size = tensor.shape[2] as number;
  const row = tensor.data.slice(-size);
  const scores = sequences[0]?.logits?.[0] as Float32Array;
  expect(outputIds[0]).toBe(scores.indexOf(Math.max(...scores)));
  const kept = [...scores.keys()].filter((id) => scores[id] !== -Infinity);
  const most = Math.max(...row);
  expect(kept).toEqual([...row.keys()].filter((id) => (row[id] as number) >= most + Math.log(0.1)));
  expect(layers).toBeGreaterThan(1);
  await expect(t5.generate({ inputIds }, { dolaLayers: "high" })).rejects.toThrow("needs a decoder-only model");
});

test("token healing replaces the last token by one that begins like it", async () => {
  const tokenizer = gpt2.tokenizer as NonNullable<typeof gpt2.tokenizer>;
  const prompt = "Once upon a t";
  const { ids } = tokenizer.encode(prompt);
  const result = await gpt2.generate({ prompt }, { ...plain, tokenHealing: true });
  const last = tokenizer.token(ids.at(-1) as number) as string;
  expect(result.inputIds).toEqual([ids.slice(0, -1)]);
  expect(tokenizer.token(result.outputIds[0] as number)?.startsWith(last)).toBe(true);
  const whole = tokenizer.decode([...(result.inputIds[0] as number[]), ...result.outputIds]);
  expect(prompt + result.text).toBe(whole);
  await expect(gpt2.generate({ prompt }, { tokenHealing: true, numBeams: 2 })).rejects.toThrow("do not go together");
  await expect(t5.generate({ prompt }, { tokenHealing: true })).rejects.toThrow("tokenHealing needs a decoder");
});

describe("what each step gave", () => {
  test.each([
    ["greedy", {}],
    ["beams", { numBeams: 3 }],
  ])("%s: logits, scores and hidden states are those of a whole pass", async (_, options) => {
    for (const model of [llama, t5]) {
      const result = await model.generate(
        { inputIds },
        {
          ...plain,
          ...options,
          outputLogits: true,
          outputScores: true,
          outputHiddenStates: true,
          outputAttentions: true,
          repetitionPenalty: 1.2,
        },
      );
      const [sequence] = result.sequences as [(typeof result.sequences)[number]];
      const start = model === t5 ? [0] : (inputIds[0] as number[]);
      const whole = [[...start, ...result.outputIds.slice(0, -1)]];
      const inputs = model === t5 ? { inputIds, decoderInputIds: whole } : { inputIds: whole };
      const pass = await model.forward(inputs, { hiddenStates: true, attentions: true });
      const logits = pass.logits as HostTensor<"float32">;
      const size = logits.shape[2] as number;
      expect(sequence.logits).toHaveLength(result.outputIds.length);
      for (const [step, row] of sequence.logits?.entries() ?? []) {
        const from = (start.length - 1 + step) * size;
        const reference = logits.data.subarray(from, from + size);
        for (const [id, value] of row.entries()) expect(Math.abs(value - (reference[id] as number))).toBeLessThan(1e-4);
      }
      const states = sequence.hiddenStates ?? sequence.decoderHiddenStates;
      const attentions = sequence.attentions ?? sequence.decoderAttentions;
      expect(states?.map((layers) => layers[0]?.shape[1])).toEqual(
        result.outputIds.map((_, step) => (step === 0 ? start.length : 1)),
      );
      expect(attentions?.map((layers) => layers[0]?.shape[3])).toEqual(
        result.outputIds.map((_, step) => start.length + step),
      );
      const lastLayer = (pass.hiddenStates ?? pass.decoderHiddenStates)?.at(-1) as HostTensor<"float32">;
      const width = lastLayer.shape[2] as number;
      const own = states?.at(-1)?.at(-1) as HostTensor<"float32">;
      expect(maxDifference(own, { ...own, data: lastLayer.data.slice(-width) })).toBeLessThan(1e-5);
      const rows = attentions?.at(-1)?.[0]?.data as Float32Array;
      const keys = start.length + result.outputIds.length - 1;
      expect(rows.subarray(0, keys).reduce((sum, x) => sum + x, 0)).toBeCloseTo(1, 4);
      if (Object.keys(options).length > 0) continue;
      for (const [step, scores] of sequence.scores?.entries() ?? [])
        expect(sequence.transitionScores?.[step]).toBe(Math.max(...scores));
    }
  });
});

test.each([
  [{ penaltyAlpha: 0.6, topK: 4, numBeams: 2 }, "penaltyAlpha and numBeams do not go together"],
  [{ promptLookupNumTokens: 3, assistantEarlyExit: 1 }, "promptLookupNumTokens and assistantEarlyExit do not go"],
  [{ dolaLayers: "low" as const, numBeams: 2 }, "dolaLayers and numBeams do not go together"],
  [{ numAssistantTokensSchedule: "heuristic" as const }, "does nothing without assistantModel or assistantEarlyExit"],
  [{ assistantEarlyExit: 99 }, "assistantEarlyExit 99 leaves nothing out"],
  [{ diversityPenalty: 1 }, "diversityPenalty does nothing without numBeamGroups"],
])("options that contradict each other are named: %j", async (options, message) => {
  await expect(gpt2.generate({ inputIds }, { ...plain, ...options })).rejects.toThrow(message);
});

test("beams hold their prompt once, and reordering them copies only what they wrote", () => {
  const sizes = { layers: 1, heads: 1, headSize: 2 };
  const cache = new KeyValueCache(sizes, 1);
  const rows = (batch: number, count: number, first: number) => {
    const data = Float32Array.from({ length: batch * count * 2 }, (_, i) => first + i);
    const tensor: HostTensor = { dtype: "float32", shape: [batch, 1, count, 2], data };
    return { "present.0.key": tensor, "present.0.value": tensor };
  };
  cache.append(rows(1, 1000, 0), [new Array(1000).fill(7)], [1000]);
  const prompt = cache.byteLength;
  const beams = cache.share(4);
  beams.append(rows(4, 1, 5000), [[1], [2], [3], [4]], [1001, 1001, 1001, 1001]);
  expect(beams.byteLength - prompt).toBeLessThan(prompt / 2);
  const swapped = beams.select([3, 3, 0, 1]);
  expect(swapped.tokens.map((row) => row.at(-1))).toEqual([4, 4, 1, 2]);
  expect(swapped.lengths).toEqual([1001, 1001, 1001, 1001]);
  expect(swapped.positions()[0]?.filter((position) => position >= 0)).toEqual(
    Array.from({ length: 1001 }, (_, i) => i),
  );
  const [own, shared] = [swapped.feeds(true)["past.0.key"], swapped.feeds(true)["shared.0.key"]];
  expect(shared?.data).toBe(cache.feeds(false)["past.0.key"]?.data); // the very same memory
  const capacity = own?.shape[2] as number;
  expect([0, 1, 2, 3].map((row) => own?.data[row * capacity * 2])).toEqual([5006, 5006, 5000, 5002]);
});

test("a search that was asked for goes before a checkpoint's habit of drawing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  await cp(fixture("models/gpt2"), folder, { recursive: true });
  await writeFile(`${folder}/generation_config.json`, JSON.stringify({ do_sample: true }));
  await using model = await loadModel(folder);
  const words = { ...plain, numBeams: 3, forceWordsIds: [[60]] };
  const { outputIds } = await model.generate({ inputIds }, words);
  expect(outputIds).toEqual((await gpt2.generate({ inputIds }, words)).outputIds);
  await expect(model.generate({ inputIds }, { ...words, doSample: true })).rejects.toThrow("do not go together");
});

test("an assistant that was disposed is refused", async () => {
  const model = await loadModel(fixture("models/gpt2"));
  const assistant = await loadModel(fixture("models/gpt2_fp16"));
  await assistant.dispose();
  await expect(model.generate({ inputIds: [5] }, { assistantModel: assistant })).rejects.toMatchObject({
    code: "engine",
    message: "assistantModel: the model was disposed",
  });
  await model.dispose();
});
