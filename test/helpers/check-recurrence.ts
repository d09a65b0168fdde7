import { expect } from "vitest";
import { differentiate } from "../../src/autodiff/index.ts";
import { Random } from "../../src/common/index.ts";
import { add, mul, reduceSum, type Value } from "../../src/graph/index.ts";
import { lowerGraph } from "../../src/lowering/index.ts";
import { createSession } from "../../src/runtime/index.ts";
import type { HostTensor } from "../../src/tensor/index.ts";

/** Tensors of random numbers between two bounds, the same in each run. */
export function randomTensors(
  seed: number,
): (least: number, most: number, ...shape: number[]) => HostTensor<"float32"> {
  const random = new Random(seed);
  return (least, most, ...shape) => ({
    dtype: "float32",
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => least + (most - least) * random.next()),
  });
}

/** The results of a rule that tokens apply to a state one after the other. */
interface Applied {
  /** `[B, H, T, V]` */
  readonly mixed: Value;
  /** The state after the last token, `[B, H, D, V]`. */
  readonly last: Value;
}

/**
 * Compares the values of a rule in chunks, and its gradient by every operand, with those of the rule token by token.
 * @param feeds the operands by name, and `dy`, the gradient of what tokens read
 */
export async function checkRecurrence(
  feeds: Readonly<Record<string, HostTensor<"float32">>>,
  { operands, dy, chunks, byToken }: { operands: readonly Value[]; dy: Value; chunks: Applied; byToken: Applied },
): Promise<void> {
  const run = async ({ mixed, last }: Applied): Promise<Record<string, HostTensor>> => {
    const all = [0, 1, 2, 3];
    const loss = add(reduceSum(mul(mixed, dy), all), reduceSum(last, all));
    const { outputs, gradients } = differentiate({ loss, mixed, last }, operands);
    const named = Object.fromEntries(gradients.map((gradient, i) => [`g${i}`, gradient]));
    const graph = lowerGraph({ outputs: { ...outputs, ...named }, bind: () => ({ kind: "input" }), phase: "train" });
    const session = await createSession(graph);
    const result = await session.run(feeds);
    await session.dispose();
    return result;
  };
  const [expected, found] = [await run(byToken), await run(chunks)];
  expect(Object.keys(expected)).toHaveLength(3 + operands.length);
  for (const [name, { data }] of Object.entries(expected)) {
    const other = found[name]?.data as Float32Array;
    const largest = (data as Float32Array).reduce((most, x) => Math.max(most, Math.abs(x)), 1);
    const off = (data as Float32Array).reduce((most, x, i) => Math.max(most, Math.abs(x - (other[i] as number))), 0);
    expect(off / largest, name).toBeLessThan(1e-5);
  }
}
