import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { derivedFile, derivedFolder } from "./derived-node.ts";

/** The bytes without the digest behind them. */
const bytesOf = async (path: string): Promise<number[]> => Array.from((await readFile(path)).subarray(0, -32));

let folder: string;
let source: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-"));
  source = join(folder, "source");
  await writeFile(source, "one");
});
afterAll(() => rm(folder, { recursive: true }));

let made = 0;
async function* pieces(): AsyncGenerator<Uint8Array> {
  made++;
  yield Uint8Array.of(1, 2);
  yield Uint8Array.of(3);
}

test("derived bytes are made once, again for a file that changed, and again by another recipe", async () => {
  process.env.LECTERN_CACHE = join(folder, "cache");
  const options = { source, recipe: "a", size: 3, pieces };
  const first = await derivedFile(options);
  expect(await bytesOf(first)).toEqual([1, 2, 3]);
  expect(await derivedFile(options)).toBe(first);
  expect(made).toBe(1);
  await writeFile(source, "another");
  expect(await derivedFile(options)).not.toBe(first);
  await derivedFile({ ...options, recipe: "b" });
  expect(made).toBe(3);
});

test("of two that need the same at once, one makes it and the other waits", async () => {
  process.env.LECTERN_CACHE = join(folder, "cache");
  const options = { source, recipe: "twice", size: 3, pieces };
  const before = made;
  const paths = await Promise.all([derivedFile(options), derivedFile(options)]);
  expect(paths[0]).toBe(paths[1]);
  expect(made).toBe(before + 1);
  expect(await bytesOf(paths[0] as string)).toEqual([1, 2, 3]);
});

test("what is cut short is made anew", async () => {
  process.env.LECTERN_CACHE = join(folder, "cache");
  const options = { source, recipe: "cut", size: 3, pieces };
  const path = await derivedFile(options);
  await writeFile(path, Uint8Array.of(1));
  expect(await bytesOf(await derivedFile(options))).toEqual([1, 2, 3]);
});

test("what is damaged is made anew, of any size and at any place of it that is looked at", async () => {
  process.env.LECTERN_CACHE = join(folder, "cache");
  const size = 20 * 2 ** 20 + 77;
  async function* large(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < size; at += 99_999) yield new Uint8Array(Math.min(99_999, size - at)).fill(1);
  }
  const options = { source, recipe: "damaged", size, pieces: large };
  const path = await derivedFile(options);
  const { mtimeMs } = await stat(path);
  expect((await stat(await derivedFile(options))).mtimeMs).toBe(mtimeMs);
  for (const at of [0, 4096 * 777, size - 4096 * 8]) {
    const file = await open(path, "r+");
    await file.write(new Uint8Array(4096 * 8), 0, 4096 * 8, at);
    await file.close();
    expect((await readFile(await derivedFile(options))).subarray(0, size).every((byte) => byte === 1)).toBe(true);
  }
});

test("a folder that is given relative to the present one is found by its whole path", () => {
  expect(derivedFolder({ LECTERN_CACHE: "cache" })).toBe(join(process.cwd(), "cache", "derived"));
});

test("a failure on the way leaves nothing behind and is told", async () => {
  const cache = join(folder, "failing");
  process.env.LECTERN_CACHE = cache;
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Uint8Array.of(1);
    throw new Error("no space left on device");
  }
  await expect(derivedFile({ source, recipe: "broken", size: 2 ** 21, pieces: broken })).rejects.toThrow(
    /derived weights \(2 MiB\) cannot be written to .*failing.*no space left on device; make room, or set LECTERN_CACHE/,
  );
  expect(await readdir(join(cache, "derived"))).toEqual([]);
});

test("a cache folder that cannot be is named", async () => {
  process.env.LECTERN_CACHE = source;
  await expect(derivedFile({ source, recipe: "x", size: 3, pieces })).rejects.toThrow("set LECTERN_CACHE");
});

test("an alteration that no sample shows is found by the time of the change", async () => {
  process.env.LECTERN_CACHE = join(folder, "cache");
  const size = 20 * 2 ** 20;
  async function* large(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(size).fill(1);
  }
  const options = { source, recipe: "altered", size, pieces: large };
  const path = await derivedFile(options);
  const file = await open(path, "r+");
  await file.write(Uint8Array.of(9), 0, 1, 4096 + 17);
  await file.close();
  expect((await readFile(await derivedFile(options)))[4096 + 17]).toBe(1);
});

test("what the disk has no room for is refused before it is made", async () => {
  process.env.LECTERN_CACHE = join(folder, "small");
  const before = made;
  await expect(derivedFile({ source, recipe: "huge", size: 2 ** 60, pieces })).rejects.toThrow(
    /derived weights \(1099511627776 MiB\) cannot be written to .*: the disk lacks \d+ MiB; make room, or set LECTERN_CACHE/,
  );
  expect(made).toBe(before);
  expect(await readdir(join(folder, "small", "derived"))).toEqual([]);
});

test.runIf(process.platform === "linux")("a folder below /proc is refused and not tried for ever", async () => {
  process.env.LECTERN_CACHE = "/proc/lectern/cache";
  await expect(derivedFile({ source, recipe: "x", size: 3, pieces })).rejects.toThrow(
    "cannot be written to /proc/lectern/cache/derived",
  );
});

test("a cancelled derivation leaves nothing behind", async () => {
  process.env.LECTERN_CACHE = join(folder, "cancelled");
  const controller = new AbortController();
  async function* long(): AsyncGenerator<Uint8Array> {
    yield Uint8Array.of(1);
    controller.abort();
    yield Uint8Array.of(2);
  }
  const { signal } = controller;
  await expect(derivedFile({ source, recipe: "x", size: 2, pieces: long, signal })).rejects.toMatchObject({
    code: "abort",
  });
  expect(await readdir(join(folder, "cancelled", "derived"))).toEqual([]);
});
