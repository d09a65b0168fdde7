import { describe, expect, test, vi } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { openFiles } from "../files/index.ts";
import { CrossAttentionCache } from "./cache/cross-attention-cache.ts";
import { PrefixCache } from "./cache/prefix-cache.ts";
import { CachedDecoder } from "./cached-decoder.ts";
import { DecodeEngine } from "./decode-engine.ts";
import { cachedDecoder, cachedEncoderDecoder } from "./decode-graph.ts";
import { LocalModel } from "./local-model.ts";
import { openModelFiles } from "./model-files.ts";
import { type Precision, quantizeWeights } from "./quantize-model.ts";

async function engineOf(
  location: string,
  precision: Exclude<Precision, "auto">,
  prefixes?: PrefixCache,
): Promise<DecodeEngine> {
  const { architecture, weights } = await openModelFiles(await openFiles(location));
  if (architecture.kind !== "decoder") throw new Error(`${location} is no decoder`);
  const quantized = await quantizeWeights(architecture, weights, precision);
  return DecodeEngine.create(cachedDecoder(architecture), quantized, {}, {}, prefixes);
}

function maxDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - (b[i] as number))), 0);
}

/** Prompts of these lengths, all with another beginning. */
function promptsOf(...lengths: number[]): number[][] {
  return lengths.map((length, row) => Array.from({ length }, (_, i) => 3 + ((i * i * 7 + row * 53 + i * 13) % 350)));
}

/** The scores after prompts and after one more token for each; and how many rows each run had. */
async function scoresOf(
  engine: DecodeEngine,
  rows: readonly (readonly number[])[],
  options: ConstructorParameters<typeof CachedDecoder>[1] = {},
): Promise<{ scores: Float32Array[]; runs: number[] }> {
  const runs = vi.spyOn(engine, "extend");
  const decoder = new CachedDecoder(engine, options);
  const first = (await decoder.prefill(rows)).map((row) => row.slice());
  const counts = runs.mock.calls.map(([, tokens]) => tokens.length);
  const second = (await decoder.step(rows.map((_, row) => 5 + row))).map((row) => row.slice());
  runs.mockRestore();
  return { scores: [...first, ...second], runs: counts };
}

/** The same, each prompt alone. */
async function scoresAlone(engine: DecodeEngine, rows: readonly (readonly number[])[]): Promise<Float32Array[]> {
  const first: Float32Array[] = [];
  const second: Float32Array[] = [];
  for (const [row, ids] of rows.entries()) {
    const decoder = new CachedDecoder(engine);
    for (const scores of await decoder.prefill([ids])) first.push(scores.slice());
    for (const scores of await decoder.step([5 + row])) second.push(scores.slice());
  }
  return [...first, ...second];
}

describe("prompts of one call", () => {
  const families = [
    "llama_gqa",
    "llama_yarn",
    "gpt2",
    "gpt_neox",
    "mistral",
    "gemma2",
    "gemma3_text",
    "qwen3",
    "mixtral",
    "qwen3_moe",
  ];

  test.each(families)("%s: of one length get in one run what each gets alone", async (name) => {
    for (const precision of ["float32", "int8"] as const) {
      const engine = await engineOf(fixture(`models/${name}`), precision);
      const rows = promptsOf(7, 7, 7, 12, 9, 9);
      const { scores, runs } = await scoresOf(engine, rows);
      const alone = await scoresAlone(engine, rows);
      for (const [i, row] of scores.entries())
        if (precision === "int8") expect(row).toEqual(alone[i]);
        else expect(maxDifference(row, alone[i] as Float32Array)).toBeLessThan(1e-5);
      expect(runs).toEqual(engine.readsTogether ? [3, 1, 2] : [1, 1, 1, 1, 1, 1]);
      await engine.dispose();
    }
  });

  test("are at most as many tokens in a run as a chunk has", async () => {
    const engine = await engineOf("models/stories", "float32");
    expect(engine.readsTogether).toBe(true);
    const rows = promptsOf(10, 10, 10, 10, 10);
    expect((await scoresOf(engine, rows, { chunk: 25 })).runs).toEqual([2, 2, 1]);
    expect((await scoresOf(engine, rows, { chunk: 10 })).runs).toEqual([1, 1, 1, 1, 1]);
    expect((await scoresOf(engine, rows.slice(0, 2), { chunk: 8 })).runs).toEqual([1, 1, 1, 1]);
    await engine.dispose();
  });

  test("of one token are computed alone beside longer ones", async () => {
    const engine = await engineOf("models/stories", "float32");
    expect((await scoresOf(engine, promptsOf(1, 1, 3, 3))).runs).toEqual([1, 1, 2]);
    await engine.dispose();
  });

  test("in int4 are computed alone, since the engine's product rounds rows in pairs", async () => {
    const engine = await engineOf("models/stories", "int4");
    expect((await scoresOf(engine, promptsOf(10, 10))).runs).toEqual([1, 1]);
    await engine.dispose();
  });

  test("that begin like another text take its keys and values over", async () => {
    const engine = await engineOf("models/stories", "float32", new PrefixCache(1e8));
    const [a, b, c] = promptsOf(40, 40, 40) as [number[], number[], number[]];
    const likeA = [...a.slice(0, 30), ...c.slice(30)];
    const reusing = { reusesPrefixes: true };
    expect((await scoresOf(engine, [a, b, likeA, c], reusing)).runs).toEqual([2, 1, 1]);
    expect(engine.cachedTokens).toBe(30);
    const again = await scoresOf(engine, [c, b], reusing);
    expect(again.runs).toEqual([1, 1]);
    expect(engine.cachedTokens).toBe(30 + 39 + 39);
    const alone = await scoresAlone(engine, [c, b]);
    for (const [i, row] of again.scores.entries())
      expect(maxDifference(row, alone[i] as Float32Array)).toBeLessThan(1e-4);
    await engine.dispose();
  });
});

describe("texts that an encoder reads", () => {
  const families = ["t5_relu", "t5_gated", "bart", "marian", "mbart", "m2m_100", "pegasus"];

  test.each(families)("%s: of one length give in one run what each gives alone", async (name) => {
    for (const precision of ["float32", "int8"] as const) {
      const { architecture, weights } = await openModelFiles(await openFiles(fixture(`models/${name}`)));
      if (architecture.kind !== "encoder-decoder") throw new Error(`${name} has no encoder`);
      const quantized = await quantizeWeights(architecture, weights, precision);
      const engine = await DecodeEngine.create(cachedEncoderDecoder(architecture), quantized);
      const rows = promptsOf(7, 7, 7).map((row) => row.map((id) => id % 90));
      const together = await engine.encode(rows);
      const tokens = rows.map(() => 5);
      const scores = await new CachedDecoder(engine, { memories: together }).prefill(tokens.map((id) => [id]));
      for (const [i, row] of rows.entries()) {
        const alone = CrossAttentionCache.join(await engine.encode([row])).tensors;
        const own = CrossAttentionCache.join([together[i] as CrossAttentionCache]).tensors;
        for (const [part, { shape, data }] of Object.entries(alone)) {
          expect(own[part]?.shape).toEqual(shape);
          if (precision === "int8") expect(own[part]?.data).toEqual(data);
          else expect(maxDifference(own[part]?.data as Float32Array, data as Float32Array)).toBeLessThan(1e-5);
        }
      }
      expect(scores).toHaveLength(3);
      await engine.dispose();
    }
  });

  test("are read in one run by a call with several, which gives the tokens of each alone", async () => {
    const encode = vi.spyOn(DecodeEngine.prototype, "encode");
    const model = await LocalModel.open({ location: fixture("models/marian") });
    const inputIds = promptsOf(6, 6, 9, 6).map((row) => row.map((id) => id % 90));
    const options = { doSample: false, maxNewTokens: 5, eosTokenId: null };
    const { sequences } = await model.generate({ inputIds, options }, {});
    expect(encode.mock.calls.map(([rows]) => rows.length)).toEqual([2, 1, 1]);
    for (const [i, row] of inputIds.entries()) {
      const [alone] = (await model.generate({ inputIds: [row], options }, {})).sequences;
      expect(sequences[i]?.outputIds).toEqual(alone?.outputIds);
    }
    encode.mockRestore();
    await model.dispose();
  });
});
