import { describe, expect, test } from "vitest";
import { fixture, readJson } from "../../test/helpers/fixtures.ts";
import type { HostTensor } from "../tensor/index.ts";
import { loadModel, type Model } from "./model.ts";

/** Reference: transformers 5.24.0, float32; every greedy choice has a margin above 5e-3. */
async function recorded(name: string): Promise<{ rows: number[][]; greedy: number[][] }> {
  return (await readJson<{ exp: { rows: number[][]; greedy: number[][] } }>(fixture(`cases/${name}/expected.json`)))
    .exp;
}

const plain = { doSample: false, maxNewTokens: 20 };

/** The scores after a text, of a pass over all of it. */
async function lastScores(model: Model, row: readonly number[]): Promise<Float32Array> {
  const { data, shape } = (await model.forward({ inputIds: [row] })).logits as HostTensor<"float32">;
  return data.subarray(-(shape[2] as number));
}

describe("Phi-3 computes its cache again where its frequencies change", async () => {
  const { rows, greedy } = await recorded("phi3_switch");
  const model = await loadModel(fixture("cases/phi3_switch"));

  test("with guesses ahead that are taken back", async () => {
    for (const [i, row] of rows.entries())
      for (const options of [{ promptLookupNumTokens: 4, maxMatchingNgramSize: 1 }, { assistantEarlyExit: 1 }]) {
        const { outputIds } = await model.generate({ inputIds: [row] }, { ...plain, ...options });
        expect(outputIds).toEqual(greedy[i]);
      }
  });

  test("without a cache, and with a prompt that is read in pieces", async () => {
    for (const [i, row] of rows.entries())
      for (const options of [{ useCache: false }, { prefillChunkSize: 2 }]) {
        const { outputIds } = await model.generate({ inputIds: [row] }, { ...plain, ...options });
        expect(outputIds).toEqual(greedy[i]);
      }
  });

  test("for rows of unlike length in a batch, each by its own length", async () => {
    const { sequences } = await model.generate({ inputIds: rows }, plain);
    expect(sequences.map(({ outputIds }) => outputIds)).toEqual(greedy);
  });

  test("for beams that share their prompt, as full passes score them", async () => {
    const [row] = rows as [number[]];
    const options = { ...plain, numBeams: 3, maxNewTokens: 6, outputLogits: true };
    const { sequences } = await model.generate({ inputIds: [row] }, options);
    const { outputIds, logits = [] } = sequences[0] ?? { outputIds: [] };
    for (const [step, scores] of logits.entries()) {
      const whole = await lastScores(model, [...row, ...outputIds.slice(0, step)]);
      expect(Math.max(...scores.map((score, id) => Math.abs(score - (whole[id] as number))))).toBeLessThan(1e-4);
    }
    expect(logits.length).toBeGreaterThan(3);
  });
});

test("dynamic scaling goes by the whole prompt, in however many pieces it is read", async () => {
  await using model = await loadModel(fixture("cases/llama_dynamic"));
  const row = Array.from({ length: 20 }, (_, i) => (7 * i + 5) % 40);
  const whole = await lastScores(model, row);
  const options = { doSample: false, maxNewTokens: 1, prefillChunkSize: 3, outputLogits: true };
  const { sequences } = await model.generate({ inputIds: [row] }, options);
  const [scores = new Float32Array(40)] = sequences[0]?.logits ?? [];
  expect(Math.max(...scores.map((score, id) => Math.abs(score - (whole[id] as number))))).toBeLessThan(1e-4);
});
