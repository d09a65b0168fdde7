import { expect, test } from "vitest";
import {
  add,
  attend,
  constant,
  gather,
  gelu,
  input,
  layerNorm,
  linear,
  nodesOf,
  reshape,
  transpose,
  type Value,
} from "../graph/index.ts";
import { lowerGraph } from "../lowering/index.ts";
import { createSession } from "../runtime/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import { pushDownSlices } from "./slice-pushdown.ts";

const BATCH = 2;
const LENGTH = 5;
const SIZE = 8;

const filled = (shape: readonly number[], seed: number): HostTensor => {
  const size = shape.reduce((product, n) => product * n, 1);
  return { dtype: "float32", shape, data: Float32Array.from({ length: size }, (_, i) => Math.sin(seed + i * 1.7)) };
};
const weight = (seed: number, ...shape: number[]): Value => constant(filled(shape, seed));
const heads = (x: Value): Value => transpose(reshape(x, [BATCH, LENGTH, 2, SIZE / 2]), [0, 2, 1, 3]);
const place = (index: bigint): Value => constant({ dtype: "int64", shape: [], data: BigInt64Array.of(index) });

/** A post-norm layer of one attention and one linear layer. */
function layer(x: Value): { hidden: Value; weights: Value } {
  const [q, k, v] = [1, 2, 3].map((seed) => heads(linear(x, weight(seed, SIZE, SIZE), weight(seed, SIZE))));
  const bias = weight(4, BATCH, 1, LENGTH, LENGTH);
  const { mixed, weights } = attend(q as Value, k as Value, v as Value, bias, { scale: 0.5 });
  const joined = reshape(transpose(mixed, [0, 2, 1, 3]), [BATCH, LENGTH, SIZE]);
  const hidden = layerNorm(
    add(x, gelu(linear(joined, weight(5, SIZE, SIZE), undefined))),
    weight(6, SIZE),
    weight(7, SIZE),
    1e-5,
  );
  return { hidden, weights };
}

const read = (hidden: Value, index: bigint): Value => gather(transpose(hidden, [1, 0, 2]), place(index));
const x = input("x", "float32", [BATCH, LENGTH, SIZE]);

async function values(outputs: Record<string, Value>): Promise<Record<string, number[]>> {
  const session = await createSession(lowerGraph({ outputs, bind: () => ({ kind: "input" }) }));
  const results = await session.run({ x: filled([BATCH, LENGTH, SIZE], 9) });
  await session.dispose();
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, [...(data as Float32Array)]]));
}

const sizesOf = (value: Value, op: string): unknown[] =>
  nodesOf([value])
    .filter((node) => node.op.name === op)
    .map((node) => node.outputs[0]?.shape);

test.each([0n, 3n])(
  "computes one place of the last layer where only place %i is read, with the same result",
  async (index) => {
    const whole = { read: read(layer(layer(x).hidden).hidden, index) };
    const narrowed = pushDownSlices(whole);
    expect(sizesOf(narrowed.read, "layerNorm")).toEqual([
      [BATCH, LENGTH, SIZE],
      [BATCH, 1, SIZE],
    ]);
    expect(sizesOf(narrowed.read, "attention").at(-1)).toEqual([BATCH, 2, 1, SIZE / 2]);
    const [a, b] = [await values(whole), await values(narrowed)];
    expect(b.read).toHaveLength(BATCH * SIZE);
    for (const [i, value] of (a.read as number[]).entries()) expect(b.read?.[i]).toBeCloseTo(value, 5);
  },
);

test("leaves whole what is read elsewhere, or at two places", () => {
  const { hidden, weights } = layer(x);
  expect(sizesOf(pushDownSlices({ read: read(hidden, 0n), hidden }).read, "layerNorm")).toEqual([
    [BATCH, LENGTH, SIZE],
  ]);
  expect(sizesOf(pushDownSlices({ read: read(hidden, 0n), weights }).read, "attention")).toEqual([
    [BATCH, 2, LENGTH, SIZE / 2],
  ]);
  const two = pushDownSlices({ read: add(read(hidden, 0n), read(hidden, 1n)) }).read;
  expect(sizesOf(two, "layerNorm")).toEqual([[BATCH, LENGTH, SIZE]]);
});
