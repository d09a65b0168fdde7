import { mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { appendToFile, checkWritable, makeDirectory } from "./write-file.ts";

const folder = await mkdtemp(join(tmpdir(), "lectern-"));
await writeFile(join(folder, "file"), "x");

test("a directory that can be made is not made yet; one below a file is refused by the file's name", async () => {
  await checkWritable(join(folder, "a/b"));
  expect(await readdir(folder)).toEqual(["file"]);
  await expect(checkWritable(join(folder, "file/a"))).rejects.toThrow(
    `${join(folder, "file/a")} cannot be written: ${join(folder, "file")} is a file; choose another directory`,
  );
});

test("what cannot be made or appended is named", async () => {
  await expect(makeDirectory(join(folder, "file/a"))).rejects.toThrow(/file.a cannot be made: ENOTDIR/);
  await expect(appendToFile(join(folder, "file/log"), "x")).rejects.toThrow(/log cannot be written: ENOTDIR/);
});
