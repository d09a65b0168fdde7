import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { writeCheckpoint } from "../examples/own-family/checkpoint.ts";
import { primer } from "../examples/own-family/primer.ts";
import { squaredRelu } from "../examples/own-family/squared-relu.ts";
import { defineComposite, input, parameter, reduceSum, type Value } from "../src/graph/index.ts";
import { type LoadOptions, loadModel } from "../src/index.ts";
import { compile, defineFamily, differentiate } from "../src/inference-entry.ts";
import type { HostTensor } from "../src/tensor/index.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "lectern-"));
  await writeCheckpoint(directory);
});

const open = (options: LoadOptions = { families: [primer] }) => loadModel(directory, options);
const vector = (...values: number[]): HostTensor => ({
  dtype: "float32",
  shape: [values.length],
  data: Float32Array.from(values),
});

test("an op of one's own runs, and is differentiated", async () => {
  const x = input("x", "float32", ["N"]);
  const y = squaredRelu(x);
  const { outputs, gradients } = differentiate({ loss: reduceSum(y, [0]), y }, [x]);
  const graph = await compile({ ...outputs, dx: gradients[0] as Value });
  expect(graph.inputs).toEqual([{ name: "x", dtype: "float32", shape: ["N"] }]);
  const results = await graph.run({ x: vector(-1, 2, 3) });
  expect([results.y, results.dx, results.loss]).toMatchObject([
    { data: Float32Array.of(0, 4, 9) },
    { data: Float32Array.of(0, 4, 6) },
    { data: Float32Array.of(13) },
  ]);
  await graph.dispose();
});

test("parameters of a graph are given once, or fed", async () => {
  const outputs = { y: squaredRelu(parameter("w", [2])) };
  const fixed = await compile(outputs, { weights: { w: vector(1, 2) } });
  expect((await fixed.run()).y.data).toEqual(Float32Array.of(1, 4));
  const fed = await compile(outputs);
  expect((await fed.run({ w: vector(3, -3) })).y.data).toEqual(Float32Array.of(9, 0));
  await expect(fed.run()).rejects.toThrow("run: the input w is missing; give a tensor of float32[2]");
  await expect(fed.run({ w: vector(1) })).rejects.toThrow(
    "run: the input w must be float32[2]; got float32[1] with 1 values",
  );
  await expect(fed.run({ w: { ...vector(1, 2), data: new Float32Array(1) } })).rejects.toThrow("with 1 values");
  await expect(fed.run({ w: vector(1, 2), v: vector(1) })).rejects.toThrow(
    "run: there is no input v; the graph reads w",
  );
  for (const graph of [fixed, fed]) await graph.dispose();
});

test("an op without a gradient of its own has that of its decomposition, and one without either is refused", async () => {
  const cubed = defineComposite<object>({
    name: "cubed",
    infer: ([x]) => [x as Value],
    decomposition: ([x]) => [squaredRelu(squaredRelu(x as Value))],
    gradient: "through decomposition",
  });
  const { applyOne } = await import("../src/graph/index.ts");
  const x = input("x", "float32", [1]);
  const { gradients } = differentiate({ loss: reduceSum(applyOne(cubed, [x], {}), [0]) }, [x]);
  const graph = await compile({ dx: gradients[0] as Value });
  expect((await graph.run({ x: vector(2) })).dx.data).toEqual(Float32Array.of(32)); // 4 x³
  await graph.dispose();
  expect(() => defineComposite<object>({ ...cubed, gradient: undefined as never })).toThrow(
    "defineComposite cubed: an op needs name, infer, decomposition and gradient",
  );
  expect(() => defineComposite<object>({ ...cubed, decomposition: undefined as never })).toThrow("decomposition");
});

test("a family of one's own generates: cached as uncached, batched as alone, with beams", async () => {
  const model = await open();
  expect([model.family, model.kind]).toEqual(["Primer", "decoder"]);
  const options = { maxNewTokens: 12, doSample: false } as const;
  const prompts = [[1, 2, 3], [4], [5, 6, 7, 8, 9]];
  const cached = await model.generate({ inputIds: prompts }, options);
  const uncached = await model.generate({ inputIds: prompts }, { ...options, useCache: false });
  expect(uncached.sequences.map(({ outputIds }) => outputIds)).toEqual(
    cached.sequences.map(({ outputIds }) => outputIds),
  );
  for (const [i, inputIds] of prompts.entries())
    expect((await model.generate({ inputIds }, options)).outputIds).toEqual(cached.sequences[i]?.outputIds);
  const { sequences } = await model.generate({ inputIds: [1, 2, 3] }, { ...options, numBeams: 3 });
  expect(sequences[0]?.outputIds).toHaveLength(12);
  await model.dispose();
});

test("its gradients are those of finite differences", async () => {
  const model = await open();
  const inputs = { inputIds: [[1, 2, 3, 4]], labels: [[1, 2, 3, 4]] };
  const { gradients } = await model.forward(inputs, { gradients: true });
  await model.dispose();
  const path = join(directory, "model.safetensors");
  const whole = await readFile(path);
  const size = 8 + Number(whole.readBigUInt64LE(0));
  const header = JSON.parse(whole.subarray(8, size).toString()) as Record<string, { data_offsets: [number, number] }>;
  for (const name of ["layers.0.mlp.up.weight", "layers.1.attention.query.weight", "tokens.weight"]) {
    const data = gradients?.[name]?.data as Float32Array;
    const at = data.reduce((best, x, i) => (Math.abs(x) > Math.abs(data[best] as number) ? i : best), 0);
    const offset = size + (header[name]?.data_offsets[0] as number) + 4 * at;
    const losses: number[] = [];
    for (const step of [0.01, -0.01]) {
      const moved = Buffer.from(whole);
      moved.writeFloatLE(whole.readFloatLE(offset) + step, offset);
      await writeFile(path, moved);
      const other = await open();
      losses.push((await other.forward(inputs)).loss as number);
      await other.dispose();
    }
    const slope = ((losses[0] as number) - (losses[1] as number)) / 0.02;
    expect(Math.abs(slope - (data[at] as number)), name).toBeLessThan(0.02 * Math.abs(data[at] as number));
  }
  await writeFile(path, whole);
});

test("a family under a model_type that is taken, or without a part, is refused", async () => {
  await expect(open({})).rejects.toThrow('model_type "primer" is not known');
  const taken = { ...primer, modelType: "gpt2" };
  await expect(open({ families: [taken] })).rejects.toMatchObject({
    code: "usage",
    message: expect.stringContaining("model_type gpt2 is that of a built-in family"),
  });
  await expect(open({ families: [primer, primer] })).rejects.toThrow("model_type primer is that of two families");
  await expect(open({ families: [5] as never })).rejects.toThrow(
    "loadModel: families must be a list of families, as defineFamily makes them",
  );
  expect(() => defineFamily({ modelType: "x", kind: "decoder", name: "X", parseConfig: () => 5 } as never)).toThrow(
    'defineFamily "x": a family needs modelType, kind, name, parseConfig and model',
  );
});
