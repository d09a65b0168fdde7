import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Checkpoint, openCheckpoint, openDirectory, type QuantizedMatrix } from "../../src/formats/index.ts";
import { loadModel } from "../../src/inference/index.ts";
import { type HostTensor, toFloat32 } from "../../src/tensor/index.ts";
import { fixture, maxDifference, readTensors } from "../helpers/fixtures.ts";
import { blockValues, decomposedLogits, distance } from "../helpers/published.ts";

/** Made by quantized_checkpoints.py with the libraries that publish such checkpoints. */
const names = (await readdir(fixture("quantized"))).sort();
const inputIds = [[5, 9, 3, 20, 17, 4, 33, 60]];

/** float32 against float32 in another order of sums. */
const LOGITS_TOLERANCE = 1e-4;

/** Methods whose values lie on no grid, and are rounded to 8 bits. */
const ROUNDED = /^(fp8|bnb_.*4|compressed_fp8)/;

let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), "lectern-"));
  process.env.LECTERN_CACHE = cache;
});
afterAll(() => rm(cache, { recursive: true }));

const open = async (path: string): Promise<Checkpoint> => openCheckpoint(await openDirectory(path));

describe.each(names)("%s", (name) => {
  const path = fixture(`quantized/${name}`);

  test("has the values that the library dequantizes", async () => {
    const checkpoint = await open(path);
    const { logits, ...rows } = await readTensors(path, "expected.safetensors");
    expect(Object.keys(rows).length).toBeGreaterThan(5);
    for (const [key, { data, shape }] of Object.entries(rows)) {
      const { shape: own, dtype, data: values } = await checkpoint.read(key);
      const [count, step] = [own[0] as number, (own[0] as number) / (shape[0] as number)];
      const picked = Array.from({ length: count / step }, (_, i) => i * step).flatMap((row) =>
        Array.from(toFloat32(dtype, values).subarray(row * (own[1] as number), (row + 1) * (own[1] as number))),
      );
      expect(distance(Float32Array.from(picked), data as Float32Array), key).toBeLessThan(1e-7);
    }
  });

  test("is computed with in blocks of these values", async () => {
    const checkpoint = await open(path);
    const matrices = checkpoint.names().filter((key) => checkpoint.quantized(key));
    expect(matrices.length).toBeGreaterThan(5);
    for (const key of matrices) {
      const matrix = checkpoint.quantized(key) as QuantizedMatrix;
      const { data, shape } = await checkpoint.read(key);
      expect(matrix.isExact).toBe(!ROUNDED.test(name));
      expect(distance(await blockValues(matrix, shape), data as Float32Array), key).toBeLessThan(
        matrix.isExact ? 1e-6 : 4.1e-3,
      );
    }
  });

  test("in float32 gives the logits of the dequantized model, and by default those of its blocks", async () => {
    const { logits } = await readTensors(path, "expected.safetensors");
    const warnings: string[] = [];
    const results: HostTensor[] = [];
    for (const precision of ["float32", undefined] as const) {
      await using model = await loadModel(path, { precision, onWarning: (warning) => warnings.push(warning) });
      expect(model.precision).toBe(precision ?? "published");
      const { logits } = await model.forward({ inputIds });
      results.push({ ...(logits as HostTensor), shape: (logits as HostTensor).shape.slice(1) });
      if (precision) continue;
      const { outputIds } = await model.generate(
        { inputIds: inputIds[0] as number[] },
        { doSample: false, maxNewTokens: 4, eosTokenId: null },
      );
      expect(outputIds).toHaveLength(4);
    }
    const [exact, own] = results as [HostTensor, HostTensor];
    expect(maxDifference(exact, logits as HostTensor)).toBeLessThan(LOGITS_TOLERANCE);
    const { logits: decomposed, ops } = await decomposedLogits(path, inputIds);
    expect([...ops]).toContain("quantizedLinear");
    expect(distance(decomposed, exact.data as Float32Array)).toBeLessThan(ROUNDED.test(name) ? 0.05 : 1e-6);
    // The engine's products round inputs to 8 bits.
    expect(distance(own.data as Float32Array, decomposed)).toBeLessThan(0.05);
    const losses = warnings.filter((warning) => /relative RMS error 0\.\d+; precision float32/.test(warning));
    expect(losses).toHaveLength(ROUNDED.test(name) ? 1 : 0);
    expect(warnings).toHaveLength(losses.length);
  });
});
