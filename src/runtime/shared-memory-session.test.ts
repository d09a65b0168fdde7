import { expect, test } from "vitest";
import { Random } from "../common/index.ts";
import * as g from "../graph/index.ts";
import { lowerGraph } from "../lowering/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import { canShareMemory, createSession } from "./index.ts";

const random = new Random(11, 0, 0);
const floats = (...shape: number[]): HostTensor<"float32"> => ({
  dtype: "float32",
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.next() - 0.5),
});

const x = g.input("x", "float32", ["B", 3]);
const graph = lowerGraph({
  outputs: { sum: g.add(x, x), rows: g.reduceSum(x, [1]), count: g.iota("B") },
  bind: () => ({ kind: "input" }),
});

test("gives what the binding gives, for one shape after the other, an empty one among them", async () => {
  expect(canShareMemory()).toBe(true);
  const [copying, sharing] = [await createSession(graph), await createSession(graph, { sharesMemory: true })];
  for (const rows of [2, 5, 0, 2]) {
    const feeds = { x: floats(rows, 3) };
    expect(await sharing.run(feeds)).toEqual(await copying.run(feeds));
  }
  await Promise.all([copying.dispose(), sharing.dispose()]);
});

test("writes results into the caller's memory, and reads it anew each time", async () => {
  const session = await createSession(graph, { sharesMemory: true });
  const [fed, place] = [floats(2, 3), floats(2, 3)];
  for (const first of [1, 7]) {
    fed.data[0] = first;
    const { sum } = await session.run({ x: fed }, { sum: place });
    expect(sum).toBe(place);
    expect(place.data[0]).toBe(2 * first);
  }
  session.forget();
  const results = await session.run({ x: fed });
  expect(results.sum?.data).toEqual(place.data);
  expect(results.sum).not.toBe(place);
  await session.dispose();
});

test("a cache that is fed and written is changed in place, each row at its own length", async () => {
  const [heads, keyHeads, size, capacity] = [4, 2, 8, 6];
  const value = (name: string, ...shape: g.Dimension[]): g.Value => g.input(name, "float32", shape);
  const operands = [value("q", "B", "T", heads * size), value("k", "B", "T", 16), value("v", "B", "T", 16)] as const;
  const cache = { key: value("pastKey", "B", 2, "C", size), value: value("pastValue", "B", 2, "C", size) };
  const counts = { last: g.input("last", "int32", ["B"]), longest: g.input("longest", "int32", []) };
  const attended = g.cachedAttention(operands, cache, counts, { heads, keyHeads, scale: 0.3 });
  const outputs = { mixed: attended.mixed, key: attended.cache.key, value: attended.cache.value };
  const lowered = lowerGraph({ outputs, bind: () => ({ kind: "input" }), phase: "decode" });
  const session = await createSession(lowered, { sharesMemory: true });
  const [key, held] = [floats(2, 2, capacity, size), floats(2, 2, capacity, size)];
  const before = Float32Array.from(key.data);
  const feeds = { q: floats(2, 1, 32), k: floats(2, 1, 16), v: floats(2, 1, 16), pastKey: key, pastValue: held };
  const last = { dtype: "int32", shape: [2], data: Int32Array.of(1, 4) } as const;
  const longest = { dtype: "int32", shape: [], data: Int32Array.of(5) } as const;
  await session.run({ ...feeds, last, longest }, { key, value: held });
  for (const [row, slot] of [1, 4].entries())
    for (let head = 0; head < 2; head++) {
      const at = ((row * 2 + head) * capacity + slot) * size;
      before.set(feeds.k.data.subarray((row * 2 + head) * size, (row * 2 + head + 1) * size), at);
    }
  expect(key.data).toEqual(before);
  await session.dispose();
});

test("the engine's own words are passed on", async () => {
  const session = await createSession(graph, { sharesMemory: true });
  await expect(session.run({ x: floats(2, 4) })).rejects.toMatchObject({
    code: "engine",
    message: expect.stringMatching(/^ONNX Runtime.*invalid dimensions/is),
  });
  expect((await session.run({ x: floats(1, 3) })).sum?.shape).toEqual([1, 3]);
  await session.dispose();
});
