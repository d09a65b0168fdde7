import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openCheckpoint, openDirectory, type QuantizedMatrix } from "../../src/formats/index.ts";
import { exportGguf } from "../../src/inference/export-gguf.ts";
import { loadModel } from "../../src/inference/index.ts";
import type { HostTensor } from "../../src/tensor/index.ts";
import { fixture } from "../helpers/fixtures.ts";
import { blockValues, decomposedLogits, distance } from "../helpers/published.ts";

const inputIds = [[5, 9, 3, 20, 17, 4, 33, 60]];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-"));
  process.env.LECTERN_CACHE = folder;
});
afterAll(() => rm(folder, { recursive: true }));

/** Files, the ops of their graphs, and the bits of a level. */
const files = [
  ["small-Q4_0", 4, false],
  ["small-Q4_1", 4, true],
  ["small-Q5_0", 8, false],
  ["small-Q5_1", 8, true],
  ["small-Q8_0", 8, false],
  ["large-IQ4_NL", 8, false],
  ["large-IQ4_XS", 8, false],
  ["large-Q2_K", 4, true],
  ["large-Q3_K", 4, false],
  ["large-Q4_K", 4, true],
  ["large-Q5_K", 8, true],
  ["large-Q6_K", 8, false],
] as const;

describe.each(files)("%s", (name, bits, hasOffsets) => {
  const path = fixture(`gguf/${name}.gguf`);

  test("is computed with in the blocks of the file, which have the dequantized values", async () => {
    const checkpoint = await openCheckpoint(await openDirectory(path));
    const matrices = checkpoint.names().filter((key) => checkpoint.quantized(key));
    expect(matrices).toContain("model.layers.0.self_attn.k_proj.weight");
    for (const key of matrices) {
      const matrix = checkpoint.quantized(key) as QuantizedMatrix;
      expect(matrix).toMatchObject({ isExact: true, form: { bits, hasOffsets } });
      const { data, shape } = await checkpoint.read(key);
      const values = await blockValues(matrix, shape);
      // An offset that moves levels around zero is rounded once more.
      expect(distance(values, data as Float32Array), key).toBeLessThanOrEqual(hasOffsets ? 3e-7 : 0);
      const rows = (data as Float32Array).slice(3 * (shape[1] as number), 10 * (shape[1] as number));
      expect(distance(await checkpoint.readRows(key, 3, 10), rows)).toBe(0);
    }
  });

  test("gives the logits of float32 within its rounding", async () => {
    const results: Float32Array[] = [];
    for (const precision of ["float32", undefined] as const) {
      await using model = await loadModel(path, { precision });
      expect(model.precision).toBe(precision ?? "published");
      results.push((await model.forward({ inputIds })).logits?.data as Float32Array);
    }
    const [exact, own] = results as [Float32Array, Float32Array];
    const { logits, ops } = await decomposedLogits(path, inputIds);
    expect(ops.has("blockSums")).toBe(hasOffsets);
    expect(distance(logits, exact)).toBeLessThan(1e-5);
    expect(distance(own, logits)).toBeLessThan(0.05); // the engine's products round inputs to 8 bits
  });
});

test("neighbours of different types are computed each in its own", async () => {
  const path = fixture("gguf/neighbours.gguf");
  const checkpoint = await openCheckpoint(await openDirectory(path));
  const forms = ["self_attn.q_proj", "self_attn.v_proj", "mlp.gate_proj", "mlp.up_proj", "self_attn.o_proj"].map(
    (name) => checkpoint.quantized(`model.layers.1.${name}.weight`)?.method,
  );
  expect(forms).toEqual(["Q4_0", "Q8_0", "Q4_1", "Q5_1", undefined]);
  await using model = await loadModel(path, { precision: "float32" });
  const exact = (await model.forward({ inputIds })).logits?.data as Float32Array;
  const { logits, ops } = await decomposedLogits(path, inputIds);
  expect([...ops]).toEqual(expect.arrayContaining(["quantizedLinear", "blockSums", "linear", "split"]));
  expect(distance(logits, exact)).toBeLessThan(1e-5);
});

test.each(["Q4_0", "Q8_0"] as const)("experts of %s are computed with in their blocks", async (type) => {
  const path = join(folder, `mixtral-${type}.gguf`);
  await exportGguf(fixture("models/mixtral"), { out: path, type });
  const checkpoint = await openCheckpoint(await openDirectory(path));
  const experts = checkpoint.names().filter((name) => name.includes(".experts.") && checkpoint.quantized(name));
  expect(experts.length).toBeGreaterThan(5);
  await using model = await loadModel(path, { precision: "float32" });
  const exact = (await model.forward({ inputIds })).logits?.data as Float32Array;
  expect(distance((await decomposedLogits(path, inputIds)).logits, exact)).toBeLessThan(1e-5);
  await using own = await loadModel(path);
  const { outputIds } = await own.generate({ inputIds: [5, 6, 7] }, { maxNewTokens: 5, eosTokenId: null });
  expect(outputIds).toHaveLength(5);
});

test("gradients of a published model are those of its dequantized weights", async () => {
  const path = fixture("gguf/small-Q4_0.gguf");
  const gradients: Readonly<Record<string, HostTensor<"float32">>>[] = [];
  for (const precision of ["float32", undefined] as const) {
    await using model = await loadModel(path, { precision });
    gradients.push((await model.forward({ inputIds, labels: inputIds }, { gradients: true })).gradients ?? {});
  }
  const [exact = {}, own = {}] = gradients;
  expect(Object.keys(own).sort()).toEqual(Object.keys(exact).sort());
  for (const [name, { data }] of Object.entries(exact))
    expect(distance(own[name]?.data ?? new Float32Array(data.length), data), name).toBeLessThan(1e-5);
});

test("int8 and int4 of a quantized file are made of its dequantized weights, of which only embeddings are expanded", async () => {
  const path = fixture("gguf/small-Q8_0.gguf");
  for (const precision of ["int8", "int4"] as const) {
    await using model = await loadModel(path, { precision });
    expect(model.precision).toBe(precision);
    await using exact = await loadModel(path, { precision: "float32" });
    const [own, plain] = [await model.forward({ inputIds }), await exact.forward({ inputIds })];
    expect(distance(own.logits?.data as Float32Array, plain.logits?.data as Float32Array)).toBeLessThan(
      precision === "int8" ? 0.05 : 0.3,
    );
  }
});
