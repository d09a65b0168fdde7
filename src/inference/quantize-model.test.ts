import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { useOwnCache } from "../../test/helpers/derived-cache.ts";
import { fixture, inFewBits } from "../../test/helpers/fixtures.ts";
import { levelsOfInputs } from "../../test/helpers/input-levels.ts";
import { exportGguf } from "./export-gguf.ts";
import { loadModel } from "./model.ts";

const shipped = (name: string): string => fileURLToPath(new URL(`../../models/${name}`, import.meta.url));
const cache = useOwnCache();

const derived = async (): Promise<string[]> => (await readdir(join(cache(), "derived")).catch(() => [])).sort();

describe.each(["int8", "int4"] as const)("%s", (precision) => {
  test.each(inFewBits.decoders)("%s: decoding over a cache chooses what whole passes score highest", async (name) => {
    await using model = await loadModel(fixture(`models/${name}`), { precision });
    const prompt = [5, 6, 7, 8];
    const { outputIds } = await model.generate(
      { inputIds: prompt },
      { doSample: false, maxNewTokens: 8, eosTokenId: null },
    );
    const { logits } = await model.forward({ inputIds: [[...prompt, ...outputIds]] });
    const { data, shape } = logits as NonNullable<typeof logits>;
    const size = shape.at(-1) as number;
    for (const [i, id] of outputIds.entries()) {
      const row = data.subarray((prompt.length - 1 + i) * size, (prompt.length + i) * size);
      const best = row.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
      expect(best - (row[id] as number), `token ${i}`).toBeLessThan(1e-2); // an input may be rounded to the next of 255 levels
    }
  });

  test.each(inFewBits.encoderDecoders)("%s translates, alone and beside others", async (name) => {
    await using model = await loadModel(fixture(`models/${name}`), { precision });
    const options = { doSample: false, maxNewTokens: 8 };
    const rows = [
      [5, 6, 7, 2],
      [9, 8, 2],
      [5, 6, 7, 2],
    ];
    const alone = [];
    for (const row of rows) alone.push((await model.generate({ inputIds: row }, options)).outputIds);
    const together = await Promise.all(rows.map((row) => model.generate({ inputIds: row }, options)));
    expect(together.map(({ outputIds }) => outputIds)).toEqual(alone);
  });

  test("a story costs little more than in float32", async () => {
    const inputIds = [(await loadText("stories")).slice(0, 256)];
    const losses: number[] = [];
    for (const kind of ["float32", precision] as const) {
      await using model = await loadModel(shipped("stories"), { precision: kind });
      expect(model.precision).toBe(kind);
      losses.push((await model.forward({ inputIds, labels: inputIds })).loss as number);
    }
    const [plain, quantized] = losses as [number, number];
    expect(Math.abs(quantized - plain)).toBeLessThan(precision === "int8" ? 0.01 : 0.1);
  });

  test("sentences are embedded nearly as in float32", async () => {
    const rows = [[2, 105, 669, 200, 319, 102, 3]];
    const logits: Float32Array[] = [];
    for (const kind of ["float32", precision] as const) {
      await using model = await loadModel(shipped("sentiment"), { precision: kind });
      logits.push((await model.forward({ inputIds: rows })).logits?.data as Float32Array);
    }
    const [plain, quantized] = logits as [Float32Array, Float32Array];
    for (const [i, score] of plain.entries()) expect(Math.abs(score - (quantized[i] as number))).toBeLessThan(0.3);
  });
});

async function loadText(name: string): Promise<number[]> {
  await using model = await loadModel(shipped(name));
  const { sequences } = await model.generate(
    { prompt: "Once upon a time" },
    { doSample: true, seed: 1, maxNewTokens: 250, eosTokenId: null },
  );
  return [1, ...(sequences[0]?.outputIds ?? [])];
}

test.each(["F16", "Q8_0"] as const)(
  "a GGUF file in %s is quantized as the directory that it was made of",
  async (type) => {
    const folder = await mkdtemp(join(tmpdir(), "lectern-"));
    const path = join(folder, "stories.gguf");
    await exportGguf(shipped("stories"), { out: path, type });
    const inputIds = [[5, 9, 3, 200, 17, 4]];
    const all: Float32Array[] = [];
    for (const location of [shipped("stories"), path]) {
      await using model = await loadModel(location, { precision: "int8" });
      expect(model.precision).toBe("int8");
      all.push((await model.forward({ inputIds })).logits?.data as Float32Array);
    }
    const [directory, file] = all as [Float32Array, Float32Array];
    const largest = directory.reduce((most, score) => Math.max(most, Math.abs(score)), 0);
    const most = 0.02 * (127 / (await levelsOfInputs())); // what rounding does differs between the two
    for (const [i, score] of directory.entries())
      expect(Math.abs(score - (file[i] as number)) / largest).toBeLessThan(most);
    await rm(folder, { recursive: true });
  },
);

test("matrices are quantized once, and again when the checkpoint changes", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  await cp(fixture("models/llama_gqa"), folder, { recursive: true });
  const load = async (): Promise<void> => (await loadModel(folder, { precision: "int8" })).dispose();
  const known = new Set(await derived());
  await load();
  const made = (await derived()).filter((name) => !known.has(name));
  expect(made.length).toBe(1);
  const { mtimeMs } = await stat(join(cache(), "derived", made[0] as string));
  await load();
  expect((await stat(join(cache(), "derived", made[0] as string))).mtimeMs).toBe(mtimeMs);
  const path = join(folder, "model.safetensors");
  await writeFile(path, await readFile(path));
  await load();
  expect((await derived()).filter((name) => !known.has(name)).length).toBe(2);
  await rm(folder, { recursive: true });
});

test("auto is float32 for a small model, and another precision is refused by name", async () => {
  await using model = await loadModel(fixture("models/llama_gqa"), { precision: "auto" });
  expect(model.precision).toBe("float32");
  await expect(loadModel(fixture("models/llama_gqa"), { precision: "int3" as "int4" })).rejects.toMatchObject({
    code: "usage",
    message: expect.stringContaining("precision must be one of float32, int8, int4, auto"),
  });
});
