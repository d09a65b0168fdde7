import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openFiles } from "../../src/files/index.ts";
import { loadModel } from "../../src/inference/index.ts";
import { openStoredModel } from "../../src/inference/model-files.ts";
import type { Weights } from "../../src/inference/weights.ts";
import { weightsIn } from "../../src/inference/weights-in.ts";
import type { HostTensor } from "../../src/tensor/index.ts";
import { expandedMatrices, roundingOf } from "../helpers/expanded-matrices.ts";
import { type Compared, compareFewBits } from "../helpers/few-bits.ts";
import { inFewBits } from "../helpers/fixtures.ts";
import { writeWide } from "../helpers/wide-models.ts";

/** The rounding of normal numbers: the length of the error as a part of theirs. */
const ROUNDING = { int8: 0.01, int4: 0.1 } as const;
/** Scales are those of the least error; in int4, of the least among a few. */
const SCALE_TOLERANCE = 5e-3;
/** float32 against float32 in another order of sums, as a part of the largest value. */
const TOLERANCE = 1e-4;
/** The same where another order of sums rounds an entry to the next level. */
const LEVEL = 0.02;
/** An entry so near to the middle of two levels, in levels, may be rounded to either. */
const NEAR_TIE = 2e-4;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-"));
  process.env.LECTERN_CACHE = join(folder, "cache");
});
afterAll(() => rm(folder, { recursive: true }));

type Results = HostTensor<"float32">;

/** The first of a model's results: logits, those of a span, or states. */
async function resultOf(model: Awaited<ReturnType<typeof loadModel>>, inputIds: readonly number[][]): Promise<Results> {
  const results = await model.forward({ inputIds });
  return (results.logits ?? results.startLogits ?? results.lastHiddenState) as Results;
}

/** The largest difference in each row, as a part of the largest value of all. */
function distances(got: Results, expected: Results): number[] {
  expect(got.shape).toEqual(expected.shape);
  const size = expected.shape.at(-1) as number;
  const largest = expected.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return Array.from({ length: expected.data.length / size }, (_, row) => {
    const own = got.data.subarray(row * size, (row + 1) * size);
    return (
      own.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected.data[row * size + i] as number))), 0) /
      largest
    );
  });
}

const distance = (got: Results, expected: Results): number => Math.max(...distances(got, expected));

/** Expects the blocks of each matrix to be its values in the checkpoint, rounded. */
async function expectRounded(
  matrices: ReadonlyMap<string, Results>,
  weights: Weights,
  precision: "int8" | "int4",
): Promise<void> {
  expect(matrices.size).toBeGreaterThan(2);
  for (const [key, { data }] of matrices) {
    const { data: stored } = await weights.read(key.replace(/#.*/, ""));
    const { error, factor } = roundingOf(data, stored);
    expect(error, key).toBeLessThan(ROUNDING[precision]);
    expect(Math.abs(factor - 1), key).toBeLessThan(SCALE_TOLERANCE);
  }
}

/** Expects a value to be the reference's; in a mixture, but for tokens of which an expert rounds near a tie. */
function expectSame({ name, got, expected, offs }: Compared): void {
  const each = distances(got, expected);
  const isTied = each.map((_, row) => (offs?.[row] ?? 0) > 0.5 - NEAR_TIE);
  const largest = (tied: boolean): number => Math.max(0, ...each.filter((_, row) => isTied[row] === tied));
  expect(largest(false), name).toBeLessThan(TOLERANCE);
  expect(largest(true), name).toBeLessThan(LEVEL);
  expect(isTied.filter((tied) => tied).length, name).toBeLessThan(each.length / 2);
}

/** Expects a router to send tokens to some of the experts, and not all tokens to the same: `[B, T, N]`. */
function expectRouted({ name, got: { shape, data } }: Compared): void {
  const count = shape[2] as number;
  const perToken = data.subarray(0, count).reduce((sum, one) => sum + one, 0);
  expect(perToken, name).toBeLessThan(count);
  expect(new Set(Array.from(data, (one, i) => (one === 1 ? i % count : -1))).size - 1, name).toBeGreaterThan(perToken);
}

/** CI checks every third; `LECTERN_FEW_BITS=all npx vitest run test/parity/few-bits.test.ts` checks all. */
const paths = inFewBits.wide.filter((_, i) => process.env.LECTERN_FEW_BITS === "all" || i % 3 === 0);

test.each(paths)("%s in int8 and int4 computes what a plain reference of the same rounding does", async (path) => {
  const directory = await writeWide(path, folder);
  const inputIds = [
    [5, 6, 7, 9, 8, 12],
    [14, 3, 20, 11, 10, 2],
  ];
  const files = await openStoredModel(await openFiles(directory));
  for (const precision of ["int8", "int4"] as const) {
    const weights = await weightsIn(precision, files, { warn: () => {} });
    const matrices = await expandedMatrices(weights);
    await expectRounded(matrices, weights, precision);
    const compared = await compareFewBits({ ...files, weights }, matrices, { inputIds });
    for (const each of compared) expectSame(each);
    for (const each of compared.filter(({ name }) => name.startsWith("mask"))) expectRouted(each);
    await using model = await loadModel(directory, { precision, threads: 1 });
    expect(model.precision).toBe(precision);
    const both = await resultOf(model, inputIds);
    expect(distance(both, compared[0]?.got as Results), precision).toBeLessThan(LEVEL);
    const alone = await resultOf(model, inputIds.slice(1));
    const own = { ...both, shape: alone.shape, data: both.data.slice(both.data.length / 2) };
    expect(distance(own, alone), `${precision}, alone`).toBeLessThan(precision === "int8" ? TOLERANCE : LEVEL);
  }
});
