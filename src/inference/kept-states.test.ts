import { afterAll, describe, expect, test } from "vitest";
import { useOwnCache } from "../../test/helpers/derived-cache.ts";
import { fixture } from "../../test/helpers/fixtures.ts";
import { type ArchitectureOf, readConfig } from "../families/index.ts";
import { openFiles } from "../files/index.ts";
import { cachedDecoder } from "./decode-graph.ts";
import { loadModel, type Model } from "./model.ts";
import { readJsonFile } from "./model-files.ts";

/** Models whose layers keep states; the last ones also have layers that attend. */
const pure = ["mamba", "mamba2", "rwkv", "rwkv7"];
const hybrid = ["lfm2", "qwen3_next", "qwen3_5_text"];
const names = [...pure, ...hybrid];

const directory = (name: string): string => fixture(`cases/${name}`);
const plain = { doSample: false, maxNewTokens: 6, eosTokenId: null } as const;

/** Token ids from 4 on, that follow from a seed. */
function ids(length: number, seed: number): number[] {
  return Array.from({ length }, (_, i) => 4 + ((i * i * 7 + seed * 31 + i * 13) % 36));
}

/** Compares the logits of each step with those of one pass over the whole text. */
async function expectLikePass(model: Model, prompt: number[], options: object = {}): Promise<void> {
  const wanted = { ...plain, outputLogits: true, ...options };
  const [sequence] = (await model.generate({ inputIds: prompt }, wanted)).sequences;
  const { outputIds = [], logits: steps = [] } = sequence ?? {};
  const { logits } = await model.forward({ inputIds: [[...prompt, ...outputIds]] });
  const size = logits?.shape[2] as number;
  const largest = logits?.data.reduce((most, x) => Math.max(most, Math.abs(x)), 1) as number;
  expect(steps.length).toBe(plain.maxNewTokens);
  for (const [step, scores] of steps.entries()) {
    const at = (prompt.length - 1 + step) * size;
    const difference = scores.reduce((most, x, i) => Math.max(most, Math.abs(x - (logits?.data[at + i] as number))), 0);
    expect(difference / largest, `step ${step}`).toBeLessThan(1e-5);
  }
}

describe.each(names)("%s", (name) => {
  const model = loadModel(directory(name));
  model.catch(() => {}); // each test reports it
  afterAll(async () => (await model).dispose());

  test("decodes over its states as in one pass, whatever pieces the prompt is read in", async () => {
    await expectLikePass(await model, ids(5, 1));
    await expectLikePass(await model, ids(1, 2));
    await expectLikePass(await model, ids(29, 3), { prefillChunkSize: 4 });
    await expectLikePass(await model, ids(29, 3), { useCache: false });
  });

  test("gives each of several requests at once its own states", async () => {
    const rows = [ids(7, 1), ids(3, 2), ids(12, 3), ids(1, 4)];
    const generate = async (row: number[]): Promise<readonly number[]> =>
      (await (await model).generate({ inputIds: row }, plain)).outputIds;
    const alone: (readonly number[])[] = [];
    for (const row of rows) alone.push(await generate(row));
    expect(await Promise.all(rows.map(generate))).toEqual(alone);
    const beams = { ...plain, numBeams: 3, numReturnSequences: 2 };
    const together = await (await model).generate({ inputIds: rows }, beams);
    for (const [i, row] of rows.entries()) {
      const { sequences } = await (await model).generate({ inputIds: row }, beams);
      const both = together.sequences.slice(2 * i, 2 * i + 2);
      expect(both.map(({ outputIds }) => outputIds)).toEqual(sequences.map(({ outputIds }) => outputIds));
    }
  });

  test("takes no part of an earlier text, whose states are those of all of it", async () => {
    const text = ids(60, 5);
    await (await model).generate({ inputIds: text }, plain);
    const { outputIds, usage } = await (await model).generate({ inputIds: [...text.slice(0, 40), 7, 8] }, plain);
    expect(usage.cachedTokens).toBe(0);
    await using fresh = await loadModel(directory(name), { prefixCacheBytes: 0 });
    expect((await fresh.generate({ inputIds: [...text.slice(0, 40), 7, 8] }, plain)).outputIds).toEqual(outputIds);
  });

  test("draws the same tokens again from the same seed", async () => {
    const drawn = { ...plain, doSample: true, temperature: 2, seed: 3, numReturnSequences: 3 };
    const results = await Promise.all([0, 1].map(async () => (await model).generate({ inputIds: ids(6, 1) }, drawn)));
    expect(results[0]?.sequences).toEqual(results[1]?.sequences);
  });

  test("refuses to guess ahead, since states do not go back", async () => {
    const rejects = async (options: object): Promise<void> =>
      expect((await model).generate({ inputIds: ids(6, 1) }, { ...plain, ...options })).rejects.toThrow(
        "cannot go back: no guessing ahead, no contrastive search",
      );
    await rejects({ promptLookupNumTokens: 3 });
    await rejects({ assistantEarlyExit: 1 });
    await rejects({ assistantModel: directory(name) });
    await rejects({ penaltyAlpha: 0.6, topK: 4 });
  });

  test("counts what its layers keep as its graph does", async () => {
    const files = await openFiles(directory(name));
    const architecture = readConfig(await readJsonFile(files, "config.json")) as ArchitectureOf<"decoder">;
    const { step } = cachedDecoder(architecture).graphs({});
    const numbers = step.states.map(({ shape }) => shape.reduce((product, size) => product * size, 1));
    expect(architecture.config.kept).toMatchObject({
      attentionLayers: step.cache.length,
      stateSize: numbers.reduce((sum, count) => sum + count, 0),
    });
  });
});

test.each(pure)("%s has no attention weights, and says so", async (name) => {
  await using model = await loadModel(directory(name));
  await expect(model.forward({ inputIds: [ids(3, 1)] }, { attentions: true })).rejects.toThrow(
    "has no attention weights: its layers keep states",
  );
  await expect(model.generate({ inputIds: ids(3, 1) }, { ...plain, outputAttentions: true })).rejects.toThrow(
    "has no attention weights: its layers keep states",
  );
  const { hiddenStates } = await model.forward({ inputIds: [ids(3, 1)] }, { hiddenStates: true });
  expect(hiddenStates?.length).toBe(3);
});

test.each(hybrid)("%s has the attention weights of the layers that attend", async (name) => {
  await using model = await loadModel(directory(name));
  const { attentions } = await model.forward({ inputIds: [ids(3, 1)] }, { attentions: true });
  expect(attentions?.map(({ shape }) => shape)).toEqual([[1, 2, 3, 3]]);
  await expect(model.forward({ inputIds: [ids(3, 1)] }, { headMask: [[1, 1]] })).rejects.toThrow(
    "headMask needs attention in every layer",
  );
});

test("a model with states is no assistant of another", async () => {
  await using model = await loadModel(fixture("cases/olmo"));
  await expect(
    model.generate({ inputIds: ids(3, 1) }, { ...plain, assistantModel: directory("mamba") }),
  ).rejects.toThrow("a Mamba cannot go back");
});

test("a request whose states do not fit is refused with the numbers", async () => {
  await using model = await loadModel(directory("mamba"), { maxCacheBytes: 1000 });
  await expect(model.generate({ inputIds: ids(3, 1) }, plain)).rejects.toThrow(
    /the request needs \d+ bytes for states \(1 of \d+ bytes\), and maxCacheBytes is 1000/,
  );
});

describe("few bits", () => {
  useOwnCache();

  test.each(
    ["mamba", "qwen3_5_text"].flatMap((name) => (["int8", "int4"] as const).map((bits) => [name, bits] as const)),
  )("%s in %s has linear layers in few bits, and nearly the same logits", async (name, precision) => {
    await using exact = await loadModel(directory(name));
    await using model = await loadModel(directory(name), { precision });
    const inputIds = [ids(9, 1)];
    const [a, b] = [(await exact.forward({ inputIds })).logits, (await model.forward({ inputIds })).logits];
    const largest = a?.data.reduce((most, x) => Math.max(most, Math.abs(x)), 0) as number;
    const difference = a?.data.reduce(
      (most, x, i) => Math.max(most, Math.abs(x - (b?.data[i] as number))),
      0,
    ) as number;
    expect(difference).toBeGreaterThan(0);
    expect(difference / largest).toBeLessThan(0.5);
    expect((await model.generate({ inputIds }, plain)).outputIds).toHaveLength(plain.maxNewTokens);
  });
});
