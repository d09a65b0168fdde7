import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { derivedFile } from "./derived-node.ts";

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
  expect(Array.from(await readFile(first))).toEqual([1, 2, 3]);
  expect(await derivedFile(options)).toBe(first);
  expect(made).toBe(1);
  await writeFile(source, "another");
  expect(await derivedFile(options)).not.toBe(first);
  await derivedFile({ ...options, recipe: "b" });
  expect(made).toBe(3);
});

test("two that make the same at once both get it whole", async () => {
  process.env.LECTERN_CACHE = join(folder, "cache");
  const options = { source, recipe: "twice", size: 3, pieces };
  const paths = await Promise.all([derivedFile(options), derivedFile(options)]);
  expect(paths[0]).toBe(paths[1]);
  expect(Array.from(await readFile(paths[0] as string))).toEqual([1, 2, 3]);
});

test("what is cut short is made anew", async () => {
  process.env.LECTERN_CACHE = join(folder, "cache");
  const options = { source, recipe: "cut", size: 3, pieces };
  const path = await derivedFile(options);
  await writeFile(path, Uint8Array.of(1));
  expect(Array.from(await readFile(await derivedFile(options)))).toEqual([1, 2, 3]);
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
