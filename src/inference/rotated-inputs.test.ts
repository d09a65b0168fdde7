import { expect, test } from "vitest";
import { Random } from "../common/index.ts";
import { input, linear, parameter } from "../graph/index.ts";
import { lowerGraph } from "../lowering/index.ts";
import { quantizedPart, runPasses } from "../passes/index.ts";
import { createSession } from "../runtime/index.ts";
import { type HostTensor, quantizeBlocks } from "../tensor/index.ts";

const random = new Random(11, 0, 0);
const draw = (count: number): Float32Array => Float32Array.from({ length: count }, () => 2 * random.next() - 1);
const [rows, inSize, outSize, block] = [4, 256, 96, 64];

/** Blocks of rows times the Hadamard matrix, entry by entry as it is defined. */
function rotated(values: Float32Array): Float32Array {
  return values.map((_, at) => {
    const [from, column] = [at - (at % block), at % block];
    let sum = 0;
    for (let i = 0; i < block; i++) {
      const ones = (i & column).toString(2).replaceAll("0", "").length;
      sum += (values[from + i] as number) * (ones % 2 === 0 ? 1 : -1);
    }
    return sum / Math.sqrt(block);
  });
}

/** x `[rows, I]` times W `[O, I]` in int8, with W's columns rotated or not before it is quantized. */
async function product(x: Float32Array, weight: Float32Array, rotate: boolean): Promise<Float32Array> {
  const { levels, scales } = quantizeBlocks(rotate ? rotated(weight) : weight, 8, inSize);
  const turned = new Int8Array(inSize * outSize);
  for (let o = 0; o < outSize; o++)
    for (let i = 0; i < inSize; i++) turned[i * outSize + o] = (levels[o * inSize + i] as number) - 128;
  const tensors: Record<string, HostTensor> = {
    levels: { dtype: "int8", shape: [inSize, outSize], data: turned },
    scales: { dtype: "float32", shape: [outSize], data: scales },
  };
  const y = linear(input("x", "float32", [rows, inSize]), parameter("w", [outSize, inSize]), undefined);
  const outputs = runPasses({ y }, { quantization: { precision: "int8", has: () => true } });
  const session = await createSession(
    lowerGraph({
      outputs,
      bind: (name) => ({ kind: "tensor", tensor: tensors[quantizedPart(name)?.part ?? ""] as HostTensor }),
    }),
  );
  const { y: result } = await session.run({ x: { dtype: "float32", shape: [rows, inSize], data: x } });
  await session.dispose();
  return result?.data as Float32Array;
}

/** The length of a difference from the product in double precision, as a part of the length of the inputs beside `large`. */
function errorOf(result: Float32Array, x: Float32Array, weight: Float32Array, large: number): number {
  let [error, length] = [0, 0];
  for (let row = 0; row < rows; row++)
    for (let o = 0; o < outSize; o++) {
      let [sum, rest] = [0, 0];
      for (let i = 0; i < inSize; i++) {
        const term = (x[row * inSize + i] as number) * (weight[o * inSize + i] as number);
        sum += term;
        if (i !== large) rest += term;
      }
      error += ((result[row * outSize + o] as number) - sum) ** 2;
      length += rest ** 2;
    }
  return Math.sqrt(error / length);
}

test("int8 rotates a product's inputs as its matrix, so that one large input leaves levels to the others", async () => {
  const [x, weight, large] = [draw(rows * inSize), draw(outSize * inSize), 70];
  for (let row = 0; row < rows; row++) x[row * inSize + large] = 100;
  const error = errorOf(await product(x, weight, true), x, weight, large);
  // Of 63 levels or 127, to 100 by itself and to about 100 / √64 spread: 100 / 63 / √12 beside entries of 1 / √3 is 0.8.
  expect(error).toBeLessThan(0.15);
  expect(errorOf(await product(x, weight, false), x, weight, large)).toBeGreaterThan(1); // another matrix than the inputs'
});
