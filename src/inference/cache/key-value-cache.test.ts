import { expect, test } from "vitest";
import { Random } from "../../common/index.ts";
import { cacheName } from "./cache-sizes.ts";
import { KeyValueCache } from "./key-value-cache.ts";

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

test("rows that come and go leave those of others as they are, which mostly stay where they were", () => {
  const cache = new KeyValueCache(sizes, 0);
  const sources = Array.from({ length: 6 }, (_, i) => {
    const source = new KeyValueCache(sizes, 1, { planned: 200 });
    const length = 3 + 20 * i;
    source.append(results(1, length), [Array.from({ length }, (_, at) => 100 * i + at)], [length]);
    return source;
  });
  const here: KeyValueCache[] = []; // the row that each place holds
  let moved = 0;
  for (let round = 0; round < 40; round++) {
    const wanted = sources.filter(() => random.next() < 0.6);
    if (wanted.length === 0) continue;
    const before = [...here];
    const rows = wanted.map((source) =>
      here.includes(source) ? { cache, row: here.indexOf(source) } : { cache: source, row: 0 },
    );
    const places = cache.take(rows, sources.length);
    expect(places.toSorted((a, b) => a - b)).toEqual([...wanted.keys()]);
    here.length = 0;
    for (const [i, place] of places.entries()) here[place] = wanted[i] as KeyValueCache;
    moved += here.filter((source, place) => before.includes(source) && before[place] !== source).length;
    const plain = KeyValueCache.join(
      here.map((source) => ({ cache: source, row: 0 })),
      sizes,
    );
    expect(contents(cache)).toEqual(contents(plain));
    const added = results(1, 1); // a step writes behind each row
    const id = 1000 + round;
    for (const source of here) source.append(added, [[id]], [...source.lengths]);
    const each = Object.fromEntries(
      Object.entries(added).map(
        ([
          name,
          {
            data,
            shape: [, ...rest],
            ...others
          },
        ]) => [
          name,
          {
            ...others,
            shape: [here.length, ...rest],
            data: Float32Array.from({ length: here.length * data.length }, (_, i) => data[i % data.length] as number),
          },
        ],
      ),
    );
    cache.append(
      each,
      here.map(() => [id]),
      [...cache.lengths],
    );
  }
  expect(moved).toBeLessThan(40);
});

test("a row that comes again and again is a copy each time", () => {
  const cache = cacheOfRows();
  const selected = cache.select([1, 1, 2, 1]);
  const places = cache.take([1, 1, 2, 1].map((row) => ({ cache, row })));
  const byPlace = places.map((_, place) => places.indexOf(place));
  expect(contents(cache)).toEqual(contents(selected.select(byPlace)));
});

test("memory is made once for the tokens that are planned, and for the rows that are expected", () => {
  const cache = new KeyValueCache(sizes, 1, { planned: 300 });
  const memory = () => Object.values(cache.feeds(false)).map(({ data }) => data.buffer);
  cache.append(results(1, 5), [[1, 2, 3, 4, 5]], [5]);
  const first = memory();
  for (let at = 5; at < 300; at++) cache.append(results(1, 1), [[at]], [at + 1]);
  expect(memory()).toEqual(first);
  expect(memory().every((buffer, i) => buffer === first[i])).toBe(true);
  const joint = new KeyValueCache(sizes, 0);
  const held = () => Object.values(joint.feeds(false)).map(({ data }) => data.buffer);
  joint.take([{ cache, row: 0 }], 3);
  const before = held();
  joint.take(
    [
      { cache: joint, row: 0 },
      { cache, row: 0 },
      { cache, row: 0 },
    ],
    3,
  );
  expect(held().every((buffer, i) => buffer === before[i])).toBe(true);
  const many = Array.from({ length: 16 }, () => ({ cache, row: 0 }));
  joint.take(many);
  joint.take([{ cache: joint, row: 15 }]); // memory for many more is given back
  expect(Object.values(joint.feeds(false))[0]?.data.buffer.byteLength).toBe(2 * 320 * 3 * 4);
  expect(contents(joint)).toEqual(contents(cache));
});
