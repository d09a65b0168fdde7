import { expect, test } from "vitest";
import { fetchOnce, openFiles } from "./files-web.ts";
import { filesAt } from "./memory-web.ts";
import { appendToFile, joinPath, writeFileAtomic } from "./write-web.ts";

test("a directory in memory lists and reads what was written below it, and nothing beside it", async () => {
  await writeFileAtomic("memory:one/a.txt", "a");
  await appendToFile("memory:one/a.txt", "b");
  await appendToFile("memory:one/folder/c.bin", Uint8Array.of(1, 2, 3));
  await writeFileAtomic("memory:one more/d.txt", [Uint8Array.of(1), Uint8Array.of(2)]);
  const files = await openFiles("memory:one/");
  expect(await files.list()).toEqual(["a.txt"]);
  expect([await files.readText("a.txt"), await files.size("folder/c.bin")]).toEqual(["ab", 3]);
  expect(await files.readBytes("folder/c.bin", 1, 1)).toEqual(Uint8Array.of(2));
  expect([await files.has("a.txt"), await files.has("d.txt")]).toEqual([true, false]);
  expect(Object.keys(filesAt("memory:one"))).toEqual(["memory:one/a.txt", "memory:one/folder/c.bin"]);
  expect(Object.keys(filesAt("memory:one/a.txt"))).toEqual(["memory:one/a.txt"]);
  expect(await fetchOnce(files.resolve("folder/c.bin"))).toEqual(Uint8Array.of(1, 2, 3));
  await expect(files.readText("d.txt")).rejects.toThrow("there is no file memory:one/d.txt");
  await expect(writeFileAtomic("one/a.txt", "")).rejects.toThrow("a page writes into its memory alone");
});

test("paths are joined as they are written", () => {
  expect(joinPath("memory:one/", ".", "a.txt")).toBe("memory:one/a.txt");
  expect(joinPath(".", "a.txt")).toBe("a.txt");
  expect(joinPath(".")).toBe(".");
});
