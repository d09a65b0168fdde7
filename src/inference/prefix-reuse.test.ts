import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture, readJson } from "../../test/helpers/fixtures.ts";
import { writeFileAtomic } from "../files/node.ts";
import type { GenerateResult } from "./generate-call.ts";
import { type GenerateOptions, loadModel, type Model } from "./model.ts";

const options = { doSample: false, maxNewTokens: 8, eosTokenId: null, outputLogits: true } as const;

/** Token ids from 3 on, that follow from a seed. */
function ids(length: number, seed: number): number[] {
  return Array.from({ length }, (_, i) => 3 + ((i * i * 7 + seed * 31 + i * 13) % 350));
}

/** Compares the tokens and logits of two results. */
function expectSame(result: GenerateResult, expected: GenerateResult): void {
  for (const [i, { outputIds, logits = [] }] of result.sequences.entries()) {
    const other = expected.sequences[i];
    expect(outputIds).toEqual(other?.outputIds);
    for (const [step, row] of logits.entries()) {
      const reference = other?.logits?.[step] as Float32Array;
      const difference = row.reduce((most, x, at) => Math.max(most, Math.abs(x - (reference[at] as number))), 0);
      expect(difference).toBeLessThan(1e-4);
    }
  }
}

/** Generates from prompts with a prefix cache, compares each with a model that has none, and returns the hits. */
async function hitsOf(
  [model, plain]: readonly [Model, Model],
  calls: readonly (readonly (readonly number[])[])[],
  own: GenerateOptions = {},
): Promise<number[]> {
  const hits: number[] = [];
  for (const inputIds of calls) {
    const result = await model.generate({ inputIds }, { ...options, ...own });
    const expected = await plain.generate({ inputIds }, { ...options, ...own });
    expectSame(result, expected);
    expect(expected.usage.cachedTokens).toBe(0);
    hits.push(result.usage.cachedTokens);
  }
  return hits;
}

async function both(location: string): Promise<readonly [Model, Model]> {
  return [await loadModel(location), await loadModel(location, { prefixCacheBytes: 0 })];
}

const families = [
  ...["llama_gqa", "llama_mha", "llama_linear", "llama_yarn", "gpt2", "gpt_neox", "mistral", "gemma2", "gemma3_text"],
  ...["phi3", "qwen3", "mixtral", "olmo2", "smollm3"],
];

test.each(families)(
  "%s: a prompt that begins like an earlier text computes what is new, with the same results",
  async (name) => {
    const models = await both(fixture(`models/${name}`));
    const first = ids(33, 1);
    const { outputIds } = await models[1].generate({ inputIds: first }, options);
    const turn = [...first, ...outputIds, 9, 8, 7];
    const branch = [...first.slice(0, 21), ...ids(9, 2)];
    expect(await hitsOf(models, [[first], [turn], [branch], [first], [ids(12, 1)]])).toEqual([0, 40, 21, 32, 0]);
    expect(await hitsOf(models, [[branch, ids(20, 3), turn, ids(5, 4)], [ids(25, 3)]])).toEqual([29 + 43, 20]);
    expect(await hitsOf(models, [[[...turn, 5]]], { prefillChunkSize: 3 })).toEqual([44]);
    for (const model of models) await model.dispose();
  },
);

test("beams, several sequences and guidance reuse prefixes, and give the same results", async () => {
  const models = await both(fixture("models/llama_gqa"));
  const prompt = ids(30, 1);
  const scores = { outputLogits: false };
  expect(await hitsOf(models, [[prompt], [prompt]], { ...scores, numBeams: 3 })).toEqual([0, 29]);
  const drawn = { doSample: true, seed: 4, numReturnSequences: 3, maxNewTokens: 12 };
  const { sequences } = await models[1].generate({ inputIds: prompt }, { ...options, ...drawn });
  expect(await hitsOf(models, [[prompt]], drawn)).toEqual([29]);
  const turns = sequences.map(({ outputIds }) => [...prompt, ...outputIds, 5, 6]);
  expect(await hitsOf(models, [turns])).toEqual([3 * 41]);
  const negativePromptIds = [ids(20, 3)];
  expect(await hitsOf(models, [[prompt], [prompt]], { guidanceScale: 1.5, negativePromptIds })).toEqual([29, 29]);
  expect(await hitsOf(models, [[prompt]], { useCache: false })).toEqual([0]);
  for (const model of models) await model.dispose();
});

test("prompts of one call, and of later calls while it runs, begin where the others part", async () => {
  const models = await both(fixture("models/llama_gqa"));
  const shared = ids(40, 1);
  const rows = [5, 6, 7].map((id) => [...shared, id, 9]);
  expect(await hitsOf(models, [rows])).toEqual([2 * 40]);
  const other = ids(30, 2);
  let later: Promise<GenerateResult> | undefined;
  const onToken = (): void => {
    later ??= models[0].generate({ inputIds: [...other, 4] }, options);
  };
  await models[0].generate({ inputIds: other }, { ...options, onToken });
  expect((await later)?.usage.cachedTokens).toBe(30);
  for (const model of models) await model.dispose();
});

test("what a cancelled request computed is reused", async () => {
  const models = await both(fixture("models/llama_gqa"));
  const prompt = ids(30, 1);
  const stop = new AbortController();
  const onToken = (): void => stop.abort();
  await models[0].generate({ inputIds: prompt }, { ...options, signal: stop.signal, onToken });
  expect(await hitsOf(models, [[prompt]])).toEqual([29]);
  for (const model of models) await model.dispose();
});

test.each([
  ["llama_dynamic_ntk", { max_position_embeddings: 24, rope_scaling: { factor: 3, rope_type: "dynamic" } }],
  [
    "phi3",
    {
      rope_scaling: { type: "longrope", short_factor: [1, 1.1, 1.2, 1.3], long_factor: [2, 3, 4, 5] },
      original_max_position_embeddings: 24,
    },
  ],
] as const)("%s: keys that depend on the length of their text are not reused for another", async (name, changed) => {
  const directory = await mkdtemp(join(tmpdir(), "lectern-prefix-"));
  await cp(fixture(`models/${name}`), directory, { recursive: true });
  const path = join(directory, "config.json");
  await writeFileAtomic(path, JSON.stringify({ ...(await readJson<object>(path)), ...changed }));
  const models = await both(directory);
  const short = ids(18, 1);
  const long = [...short, ...ids(20, 2)];
  // Within the bound a prefix is reused; a text beyond it is computed anew, and is good for none.
  const calls = [[short], [[...short, 5]], [long], [long], [[...short, 6, 7]]];
  expect(await hitsOf(models, calls, { maxNewTokens: 4 })).toEqual([0, 18, 0, 0, 18]);
  // A generation that grows beyond it leaves what its prompt left.
  expect(await hitsOf(models, [[ids(17, 5)], [[...ids(17, 5), 9]]], { maxNewTokens: 20 })).toEqual([0, 17]);
  for (const model of models) await model.dispose();
  await rm(directory, { recursive: true });
});
