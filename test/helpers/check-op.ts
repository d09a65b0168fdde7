import { expect } from "vitest";
import { differentiate } from "../../src/autodiff/index.ts";
import { Random } from "../../src/common/index.ts";
import { constant, input, mul, reduceSum, type Value } from "../../src/graph/index.ts";
import { lowerGraph } from "../../src/lowering/index.ts";
import { createSession } from "../../src/runtime/index.ts";
import type { HostTensor } from "../../src/tensor/index.ts";

export interface OpCheck {
  /** The op under test, applied to its operands. */
  build(...operands: Value[]): Value;
  /** Float operands: a shape filled with random numbers, or numbers with their shape. */
  operands: readonly (number[] | { shape: number[]; values: number[] })[];
  /** What must come out of the given numbers. */
  expected?: readonly number[];
}

/** Runs a graph of one op: compares its values, and its gradient by every operand with central differences. */
export async function checkOp(name: string, { build, operands, expected }: OpCheck): Promise<void> {
  const random = new Random(7);
  const tensors: HostTensor<"float32">[] = operands.map((operand) => {
    if (!Array.isArray(operand))
      return { dtype: "float32", shape: operand.shape, data: Float32Array.from(operand.values) };
    const size = operand.reduce((product, length) => product * length, 1);
    return {
      dtype: "float32",
      shape: operand,
      data: Float32Array.from({ length: size }, () => random.next() * 1.5 + 0.25),
    };
  });
  const inputs = tensors.map(({ shape }, i) => input(`x${i}`, "float32", shape));
  const y = build(...inputs);
  const size = y.shape.reduce<number>((product, length) => product * (length as number), 1);
  const weights = Float32Array.from({ length: size }, () => random.next() - 0.5);
  const weighted = mul(y, constant({ dtype: "float32", shape: y.shape as number[], data: weights }));
  const loss = reduceSum(
    weighted,
    y.shape.map((_, i) => i),
  );
  const { outputs, gradients } = differentiate({ loss, y }, inputs);
  const named = Object.fromEntries(gradients.map((gradient, i) => [`g${i}`, gradient]));
  const session = await createSession(
    lowerGraph({ outputs: { ...outputs, ...named }, bind: () => ({ kind: "input" }), phase: "train" }),
  );
  const feeds = Object.fromEntries(tensors.map((tensor, i) => [`x${i}`, tensor]));
  const result = await session.run(feeds);
  for (const [i, value] of (expected ?? []).entries()) {
    expect(Number(result.y?.data[i]), `${name}[${i}]`).toBeCloseTo(value, 5);
  }
  const step = 1 / 64;
  for (const [i, { data }] of tensors.entries()) {
    for (let at = 0; at < data.length; at++) {
      const losses: number[] = [];
      const held = data[at] as number;
      for (const moved of [held + step, held - step]) {
        data[at] = moved;
        losses.push(dot((await session.run(feeds)).y as HostTensor, weights));
      }
      data[at] = held;
      const numeric = ((losses[0] as number) - (losses[1] as number)) / (2 * step);
      expect(
        Math.abs(Number(result[`g${i}`]?.data[at]) - numeric),
        `${name}: gradient ${at} of operand ${i}`,
      ).toBeLessThan(4e-3);
    }
  }
  await session.dispose();
}

/** Σ y w in double precision. */
function dot({ data }: HostTensor, weights: Float32Array): number {
  return weights.reduce((sum, weight, i) => sum + weight * Number(data[i]), 0);
}
