import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openFiles } from "../../src/files/index.ts";
import { loadModel } from "../../src/inference/index.ts";
import { openStoredModel } from "../../src/inference/model-files.ts";
import { planMatrices } from "../../src/inference/quantized-matrices.ts";
import type { HostTensor } from "../../src/tensor/index.ts";
import { inFewBits } from "../helpers/fixtures.ts";
import { writeWide } from "../helpers/wide-models.ts";

/** The part of the results that rounding may change, where all weights are noise: a wrong matrix changes all. */
const DAMAGE = { int8: 0.15, int4: 0.5 } as const;

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

/** The length of the difference as a part of the length. */
function damage(a: Float32Array, b: Float32Array): number {
  const length = (values: Float32Array): number => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
  return length(a.map((x, i) => x - (b[i] as number))) / length(b);
}

/** CI checks every third; `LECTERN_FEW_BITS=all npx vitest run test/parity/few-bits.test.ts` checks all. */
const paths = inFewBits.wide.filter((_, i) => process.env.LECTERN_FEW_BITS === "all" || i % 3 === 0);

test.each(paths)("%s: int8 and int4 change little, and a batch nothing", async (path) => {
  const directory = await writeWide(path, folder);
  const rows = [
    [5, 6, 7, 9, 8, 12],
    [14, 3, 20, 11, 10, 2],
  ];
  await using plain = await loadModel(directory, { precision: "float32" });
  const exact = await resultOf(plain, rows);
  const files = await openStoredModel(await openFiles(directory));
  for (const precision of ["int8", "int4"] as const) {
    expect(planMatrices(files.architecture, files.weights, precision).matrices.length).toBeGreaterThan(2);
    await using model = await loadModel(directory, { precision });
    expect(model.precision).toBe(precision);
    const both = await resultOf(model, rows);
    expect(damage(both.data, exact.data), precision).toBeLessThan(DAMAGE[precision]);
    const alone = await resultOf(model, rows.slice(1));
    expect(damage(both.data.slice(both.data.length / 2), alone.data), `${precision}, alone`).toBeLessThan(0.02);
  }
});
