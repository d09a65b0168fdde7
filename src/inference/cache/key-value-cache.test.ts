import { expect, test } from "vitest";
import { Random } from "../../common/index.ts";
import { cacheName, KeyValueCache } from "./key-value-cache.ts";

const sizes = { layers: 2, heads: 2, headSize: 3 };
const random = new Random(4, 0, 0);

/** The rows that a run over `count` new tokens returns. */
function results(rows: number, count: number) {
  const shape = [rows, sizes.heads, count, sizes.headSize];
  const size = shape.reduce((a, b) => a * b, 1);
  return Object.fromEntries(
    Array.from({ length: 2 * sizes.layers }, (_, i) => [
      cacheName("present", i),
      { dtype: "float32", shape, data: Float32Array.from({ length: size }, () => random.next()) } as const,
    ]),
  );
}

/** Three rows of different lengths. */
function cacheOfRows(): KeyValueCache {
  const rows = [1, 4, 2].map((length, row) => {
    const cache = new KeyValueCache(sizes, 1);
    cache.append(results(1, length), [Array.from({ length }, (_, i) => 10 * row + i)], [length]);
    return { cache, row: 0 };
  });
  return KeyValueCache.join(rows, sizes);
}

/** The rows' keys and values, without the slots after their ends. */
function contents(cache: KeyValueCache): unknown {
  const feeds = cache.feeds(false);
  const rows = cache.lengths.map((length, row) =>
    Object.values(feeds).map(({ data, shape: [, heads = 0, capacity = 0, size = 0] }) =>
      Array.from({ length: heads }, (_, head) => {
        const start = (row * heads + head) * capacity * size;
        return [...(data as Float32Array).subarray(start, start + length * size)];
      }),
    ),
  );
  return { rows, lengths: cache.lengths, tokens: cache.tokens, computedFor: cache.computedFor };
}

test("rows in another order are those that a copy selects, again and again", () => {
  const cache = cacheOfRows();
  for (const indices of [
    [2, 0, 2],
    [1, 1, 0],
    [0, 2, 1],
    [0, 0, 0],
  ]) {
    const selected = cache.select(indices);
    cache.rearrange(indices);
    expect(contents(cache)).toEqual(contents(selected));
    const added = results(3, 1);
    for (const each of [cache, selected]) each.append(added, [[7], [8], [9]], each.lengths);
    expect(contents(cache)).toEqual(contents(selected));
  }
});

test("rows in another order use two pieces of memory in turn", () => {
  const cache = cacheOfRows();
  const memory = () => Object.values(cache.feeds(false)).map(({ data }) => data);
  const first = memory();
  cache.rearrange([1, 0, 2]);
  const second = memory();
  cache.rearrange([1, 0, 2]);
  expect(memory().every((data, i) => data === first[i] && data !== second[i])).toBe(true);
});
