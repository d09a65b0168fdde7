import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadModel, namedTensors } from "../../src/inference/index.ts";
import type { HostTensor } from "../../src/tensor/index.ts";
import { fixture, maskQueries, maxDifference, readJson, readTensors, rowsOf, sharedPath } from "../helpers/fixtures.ts";

/** Reference: transformers 5.24.0, float32, eager attention. */
const TOLERANCE = 1e-4;

/** What transformers recorded of a case; `rows` are prompts. */
interface Recorded {
  readonly exp: {
    readonly rows: number[][];
    /** New tokens of each prompt, alone, up to the end token. */
    readonly greedy?: number[][];
    /** How far the best token was ahead of the second, of each of them. */
    readonly gm?: number[][];
    /** The two best of four beams of each prompt, ten tokens long. */
    readonly beam?: number[][][];
  };
}

/** Below this margin, two tokens are as good as equal in float32. */
const NEAR_TIE = 2e-4;

/** The directories that hold cases: a few in this repository, the rest beside it. */
const places = [fixture("cases"), sharedPath("cases/models")].filter(
  (place): place is string => place !== undefined && existsSync(place),
);

const names = [...new Set(places.flatMap((place) => readdirSync(place)))]
  .filter((name) => existsSync(join(directoryOf(name), "expected.safetensors")))
  .sort();

function directoryOf(name: string): string {
  return join(places.find((place) => existsSync(join(place, name))) as string, name);
}

describe.each(names)("%s", async (name) => {
  const directory = directoryOf(name);
  const { exp: recorded } = await readJson<Recorded>(join(directory, "expected.json"));
  const expected = await readTensors(directory, "expected.safetensors");
  const model = loadModel(directory);
  model.catch(() => {}); // each test reports it
  afterAll(async () => (await model.catch(() => undefined))?.dispose());

  test.each(["right", "left"].filter((side) => expected[`${side}.ids`]))(
    "has the reference's results for rows padded on the %s",
    async (side) => {
      const rows = (key: string): number[][] => rowsOf(expected[`${side}.${key}`] as HostTensor);
      const mask = rows("mask");
      const results = namedTensors(
        await (await model).forward({
          inputIds: rows("ids"),
          attentionMask: mask,
          ...(expected[`${side}.dec`] && { decoderInputIds: rows("dec") }),
          ...(expected[`${side}.tt`] && { tokenTypeIds: rows("tt") }),
        }),
      );
      const wanted = Object.keys(expected)
        .filter((key) => key.startsWith(`${side}.`) && !/\.(ids|mask|dec|tt)$/.test(key))
        .map((key) => key.slice(side.length + 1));
      expect(wanted.length).toBeGreaterThan(0);
      for (const key of wanted) {
        const reference = expected[`${side}.${key}`] as HostTensor;
        const isByToken = reference.shape.length > 1 && reference.shape[1] === mask[0]?.length;
        const hidePadding = (tensor: HostTensor): HostTensor => (isByToken ? maskQueries(tensor, mask, 1) : tensor);
        expect(results[key]?.shape, key).toEqual(reference.shape);
        const difference = maxDifference(hidePadding(results[key] as HostTensor), hidePadding(reference));
        expect(difference, key).toBeLessThan(TOLERANCE);
      }
    },
  );

  test.runIf(recorded.greedy)("generates the reference's tokens, alone and in a batch", async () => {
    const { rows, greedy = [], gm = [] } = recorded;
    const options = { doSample: false, maxNewTokens: 20 };
    const batch = await (await model).generate({ inputIds: rows }, options);
    for (const [i, row] of rows.entries()) {
      const tie = gm[i]?.findIndex((margin) => margin < NEAR_TIE) ?? -1;
      const sure = tie < 0 ? undefined : tie;
      const wanted = greedy[i]?.slice(0, sure);
      const { outputIds } = await (await model).generate({ inputIds: [row] }, options);
      expect(outputIds.slice(0, sure), `prompt ${i}`).toEqual(wanted);
      expect(batch.sequences[i]?.outputIds.slice(0, sure), `prompt ${i} in the batch`).toEqual(wanted);
    }
  });

  test.runIf(recorded.beam)("finds the reference's beams", async () => {
    const { rows, beam = [] } = recorded;
    const options = { doSample: false, numBeams: 4, numReturnSequences: 2, maxNewTokens: 10 };
    for (const [i, row] of rows.entries()) {
      const { sequences } = await (await model).generate({ inputIds: [row] }, options);
      expect(
        sequences.map(({ outputIds }) => outputIds),
        `prompt ${i}`,
      ).toEqual(beam[i]);
    }
  });
});

const nano = sharedPath("cases/models/nano_window");

test.skipIf(!nano)("generates up to the window's end (skipped where ../shared/cases is absent)", async () => {
  await using model = await loadModel(nano as string);
  const generated = async (row: number[]) =>
    (await model.generate({ inputIds: [row] }, { doSample: false, maxNewTokens: 50 })).outputIds;
  expect(await generated([0, 1, 2, 0])).toEqual([0, 0, 0, 0, 0, 0, 1, 2]);
  expect(await generated([2, 2, 1, 0, 0, 2, 1])).toEqual([0, 1, 2, 2, 2]);
  expect(await generated([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1])).toEqual([2]); // as long as the window
  await expect(generated(new Array(12).fill(0))).rejects.toThrow("the prompt has 12 tokens, the context window 11");
});

test.skipIf(sharedPath("cases/models"))("cases beside the repository (../shared/cases/models) are absent", () => {});
