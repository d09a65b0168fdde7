import { expect, test } from "vitest";
import { Random } from "../../common/index.ts";
import { cacheName } from "./cache-sizes.ts";
import { KeyValueCache } from "./key-value-cache.ts";
import { PrefixCache } from "./prefix-cache.ts";

const sizes = { layers: 2, heads: 2, headSize: 3 };
const TOKEN_BYTES = 4 * 2 * sizes.layers * sizes.heads * sizes.headSize;
const scope = { feeds: {}, sizes };
const random = new Random(7, 0, 0);

/** A cache of rows whose keys and values at each place tell all tokens up to it. */
function cacheOf(rows: readonly (readonly number[])[]): KeyValueCache {
  const caches = rows.map((tokens) => {
    const cache = new KeyValueCache(sizes, 1);
    const shape = [1, sizes.heads, tokens.length, sizes.headSize];
    const results = Array.from({ length: 2 * sizes.layers }, (_, i) => {
      const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, at) => valueAt(tokens, i, at));
      return [cacheName("present", i), { dtype: "float32", shape, data }] as const;
    });
    cache.append(Object.fromEntries(results), [tokens], [tokens.length]);
    return { cache, row: 0 };
  });
  return KeyValueCache.join(caches, sizes);
}

function valueAt(tokens: readonly number[], tensor: number, at: number): number {
  const place = Math.floor(at / sizes.headSize) % tokens.length;
  const head = Math.floor(at / sizes.headSize / tokens.length);
  const told = tokens.slice(0, place + 1).reduce((sum, token, i) => (31 * sum + token + i) % 65521, 7);
  return told + 0.125 * (at % sizes.headSize) + 0.25 * head + tensor / 64;
}

function text(length: number, alphabet = 2): number[] {
  return Array.from({ length }, () => Math.floor(random.next() * alphabet));
}

const commonLength = (a: readonly number[], b: readonly number[]): number => {
  const at = a.findIndex((token, i) => token !== b[i]);
  return at < 0 ? a.length : at;
};

/** The tokens that a cache holds of a prompt, after it was checked that keys and values are those of the prompt. */
function found(prefixes: PrefixCache, prompt: readonly number[], own = scope): number {
  const cache = new KeyValueCache(sizes, 1);
  for (const { data, tokens, count } of prefixes.find(own, prompt)) cache.copyIn(data, tokens, count, prompt.length);
  const [length = 0] = cache.lengths;
  expect(cache.tokens[0]).toEqual(prompt.slice(0, length));
  if (length > 0) expect(cache.copyOut(0, 0, length)).toEqual(cacheOf([prompt.slice(0, length)]).copyOut(0, 0, length));
  return length;
}

test("the longest common prefix of any stored text is found, with its keys and values", () => {
  const prefixes = new PrefixCache(2 ** 24);
  const stored: number[][] = [];
  for (let round = 0; round < 60; round++) {
    const base = stored[Math.floor(random.next() * stored.length)] ?? [];
    const prompt = [...base.slice(0, Math.floor(random.next() * (base.length + 1))), ...text(1 + 70 * random.next())];
    const expected = Math.max(0, ...stored.map((other) => commonLength(prompt, other)));
    expect(found(prefixes, prompt)).toBe(expected < 16 ? 0 : expected);
    const rows = [text(20), prompt];
    prefixes.store(scope, cacheOf(rows), 1);
    if (prompt.length >= 16) stored.push(prompt);
  }
});

test("a common prefix is held once, and the end of a longer text takes the place of a shorter one's", () => {
  const prefixes = new PrefixCache(2 ** 24);
  const first = text(70);
  prefixes.store(scope, cacheOf([first]), 0);
  expect(prefixes.bytes).toBe(70 * TOKEN_BYTES);
  prefixes.store(scope, cacheOf([[...first, ...text(30)]]), 0);
  expect(prefixes.bytes).toBe(100 * TOKEN_BYTES);
  prefixes.store(scope, cacheOf([[...first.slice(0, 64), 5, 6, 7]]), 0);
  expect(prefixes.bytes).toBe(103 * TOKEN_BYTES);
  prefixes.store(scope, cacheOf([first.slice(0, 50)]), 0);
  expect(prefixes.bytes).toBe(103 * TOKEN_BYTES);
});

test("beyond the limit the least recently used text goes, its end first", () => {
  const prefixes = new PrefixCache(128 * TOKEN_BYTES);
  const [one, other, last] = [text(64, 9), text(64, 9), text(32, 9)];
  for (const tokens of [one, other]) prefixes.store(scope, cacheOf([tokens]), 0);
  expect([found(prefixes, other), found(prefixes, one)]).toEqual([64, 64]);
  prefixes.store(scope, cacheOf([last]), 0);
  expect([found(prefixes, one), found(prefixes, other), found(prefixes, last)]).toEqual([64, 32, 32]);
  expect(prefixes.bytes).toBe(prefixes.limit);
});

test("a text larger than the limit is kept as far as it fits, in place of all others", () => {
  const prefixes = new PrefixCache(100 * TOKEN_BYTES);
  const [small, large] = [text(40, 9), text(200, 9)];
  prefixes.store(scope, cacheOf([small]), 0);
  prefixes.store(scope, cacheOf([large]), 0);
  expect([found(prefixes, small), found(prefixes, large)]).toEqual([0, 96]);
});

test("memory stays within the limit, whatever is stored", () => {
  const prefixes = new PrefixCache(150 * TOKEN_BYTES);
  for (let round = 0; round < 80; round++) {
    const tokens = text(1 + 120 * random.next());
    prefixes.store(scope, cacheOf([tokens]), 0);
    expect(prefixes.bytes).toBeLessThanOrEqual(prefixes.limit);
    found(prefixes, tokens);
  }
  prefixes.clear();
  expect(prefixes.bytes).toBe(0);
});

test("other weights and other numbers of layers share nothing, and a limit of 0 keeps nothing", () => {
  const prefixes = new PrefixCache(2 ** 20);
  const tokens = text(40);
  prefixes.store(scope, cacheOf([tokens]), 0);
  expect(found(prefixes, tokens, { feeds: {}, sizes })).toBe(0);
  expect(found(prefixes, tokens, { feeds: scope.feeds, sizes: { ...sizes, layers: 1 } })).toBe(0);
  expect(found(prefixes, tokens)).toBe(40);
  const none = new PrefixCache(0);
  none.store(scope, cacheOf([tokens]), 0);
  expect(found(none, tokens)).toBe(0);
});

test("rows that share a prompt are copied out with it", () => {
  const prompt = text(20);
  const [rest, others] = [text(6), text(6)];
  const shared = cacheOf([prompt]).share(2);
  const whole = [rest, others].map((tokens) => [...prompt, ...tokens]);
  const fresh = cacheOf(whole);
  const shape = [2, sizes.heads, 6, sizes.headSize];
  const size = sizes.heads * 6 * sizes.headSize;
  const [a, b] = [fresh.copyOut(0, 20, 26), fresh.copyOut(1, 20, 26)];
  const results = Array.from({ length: 2 * sizes.layers }, (_, i) => {
    const data = new Float32Array(2 * size);
    data.set(a.subarray(i * size, (i + 1) * size));
    data.set(b.subarray(i * size, (i + 1) * size), size);
    return [cacheName("present", i), { dtype: "float32", shape, data }] as const;
  });
  shared.append(Object.fromEntries(results), [rest, others], [26, 26]);
  for (const [row, tokens] of whole.entries())
    for (const [from, to] of [
      [0, 26],
      [3, 12],
      [22, 25],
      [15, 24],
    ] as const)
      expect(shared.copyOut(row, from, to)).toEqual(cacheOf([tokens]).copyOut(0, from, to));
});

test("a text that waits is kept when another one is looked for, as it is then", () => {
  const prefixes = new PrefixCache(2 ** 24);
  const [long, other] = [text(40), text(50)];
  const owner = {};
  const cache = cacheOf([long.slice(0, 20)]);
  prefixes.storeLater(owner, () => prefixes.store(scope, cache, 0));
  cache.copyIn(cacheOf([long]).copyOut(0, 20, 40), long.slice(20), 20, 40); // its own tokens go on
  expect(prefixes.bytes).toBe(0);
  expect(found(prefixes, long)).toBe(40);
  prefixes.storeLater(owner, () => prefixes.store(scope, cacheOf([other]), 0));
  prefixes.dropLater(owner);
  prefixes.settle();
  expect(prefixes.bytes).toBe(40 * TOKEN_BYTES);
  prefixes.storeLater(owner, () => prefixes.store(scope, cacheOf([other]), 0));
  prefixes.settle();
  expect(prefixes.bytes).toBeGreaterThan(40 * TOKEN_BYTES);
  new PrefixCache(0).storeLater(owner, () => expect.unreachable("nothing is kept"));
});
