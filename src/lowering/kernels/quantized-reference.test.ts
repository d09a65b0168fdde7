import { expect, test } from "vitest";
import { levelsOfInputs } from "../../../test/helpers/input-levels.ts";
import { Random } from "../../common/index.ts";
import { constant, input, int8Linear, quantizedLinear } from "../../graph/index.ts";
import { createSession } from "../../runtime/index.ts";
import { dequantizeBlocks, type HostTensor, packRows, quantizeBlocks } from "../../tensor/index.ts";
import { lowerGraph } from "../lower-graph.ts";

const random = new Random(7, 0, 0);
const draw = (count: number): Float32Array => Float32Array.from({ length: count }, () => 2 * random.next() - 1);
const [rows, inSize, outSize] = [5, 256, 96];

/** Rounds values to levels, each run of `size` by its own largest entry, which is the last level. */
function rounded(values: Float32Array, size: number, levels = 127): Float32Array {
  const out = new Float32Array(values.length);
  for (let from = 0; from < values.length; from += size) {
    const run = values.subarray(from, from + size);
    const step = run.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / levels;
    for (const [i, value] of run.entries()) out[from + i] = step * Math.round(value / step);
  }
  return out;
}

/** x `[rows, I]` times W `[O, I]`, in double precision. */
function product(x: Float32Array, weight: Float32Array): Float64Array {
  const out = new Float64Array(rows * outSize);
  for (let row = 0; row < rows; row++)
    for (let o = 0; o < outSize; o++)
      for (let i = 0; i < inSize; i++)
        out[row * outSize + o] =
          (out[row * outSize + o] as number) + (x[row * inSize + i] as number) * (weight[o * inSize + i] as number);
  return out;
}

/** The length of a difference, relative to that of what was expected. */
function difference({ data }: HostTensor, expected: Float64Array): number {
  const squares = expected.map((value, i) => (Number(data[i]) - value) ** 2);
  const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
  return Math.sqrt(sum(squares) / sum(expected.map((value) => value ** 2)));
}

test.each([
  [32, "with zeros"],
  [32, "without"],
  [64, "with zeros"],
  [64, "without"],
  [256, "with zeros"],
] as const)("int4 in blocks of %d %s is the product with rounded inputs of a plain reference", async (block, kind) => {
  const x = draw(rows * inSize);
  const made = quantizeBlocks(draw(outSize * inSize), 4, block);
  const quantized = kind === "without" ? { ...made, zeros: undefined } : made; // around the middle level then
  const count = inSize / block;
  const levels: HostTensor = { dtype: "uint8", shape: [outSize, count, block / 2], data: quantized.levels };
  const scales: HostTensor = { dtype: "float32", shape: [outSize, count], data: quantized.scales };
  const packed = quantized.zeros && packRows(quantized.zeros, count);
  const zeros = packed && constant({ dtype: "uint8", shape: [outSize, Math.ceil(count / 2)], data: packed });
  const matrix = [constant(levels), constant(scales), zeros] as const; // only constants are packed for fast products
  const y = quantizedLinear(input("x", "float32", [rows, inSize]), matrix, undefined, { bits: 4, block });
  const session = await createSession(lowerGraph({ outputs: { y }, bind: () => ({ kind: "input" }) }));
  const result = (await session.run({ x: { dtype: "float32", shape: [rows, inSize], data: x } })).y as HostTensor;
  expect(difference(result, product(rounded(x, block), dequantizeBlocks(quantized, 4)))).toBeLessThan(1e-3);
});

test("int8 is the product with rows rounded by their own largest entry of a plain reference", async () => {
  const x = draw(rows * inSize);
  const quantized = quantizeBlocks(draw(outSize * inSize), 8, inSize);
  const turned = new Int8Array(inSize * outSize);
  for (let o = 0; o < outSize; o++)
    for (let i = 0; i < inSize; i++) turned[i * outSize + o] = (quantized.levels[o * inSize + i] as number) - 128;
  const y = int8Linear(
    input("x", "float32", [rows, inSize]),
    [input("levels", "int8", [inSize, outSize]), input("scales", "float32", [outSize])],
    undefined,
  );
  const session = await createSession(lowerGraph({ outputs: { y }, bind: () => ({ kind: "input" }) }));
  const { y: result } = (await session.run({
    x: { dtype: "float32", shape: [rows, inSize], data: x },
    levels: { dtype: "int8", shape: [inSize, outSize], data: turned },
    scales: { dtype: "float32", shape: [outSize], data: quantized.scales },
  })) as Record<"y", HostTensor>;
  const levels = await levelsOfInputs();
  expect([63, 127]).toContain(levels);
  expect(difference(result, product(rounded(x, inSize, levels), dequantizeBlocks(quantized, 8)))).toBeLessThan(1e-3);
});
