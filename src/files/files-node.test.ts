import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LecternError } from "../common/index.ts";
import { openFiles } from "./files-node.ts";

const folder = await mkdtemp(join(tmpdir(), "lectern-"));
await writeFile(join(folder, "plain.json"), '\ufeff{"a": "ü"}');
const files = await openFiles(folder);

test("text is read with its byte-order mark", async () => {
  expect(await files.readText("plain.json")).toBe('\ufeff{"a": "ü"}');
});

test.skipIf(process.platform === "win32")("a pipe is refused at once instead of waited for", async () => {
  execFileSync("mkfifo", [join(folder, "pipe.json")]);
  for (const read of ["readText", "readBytes", "size"] as const)
    await expect(files[read]("pipe.json")).rejects.toThrow("pipe.json must be a file; got a pipe");
});

test.skipIf(process.platform === "win32")("a device is refused: it may never end", async () => {
  await symlink("/dev/zero", join(folder, "zero.json"));
  await expect(files.readText("zero.json")).rejects.toThrow("zero.json must be a file; got a device");
});

test("a directory, a link to itself, other bytes than UTF-8 and a text of gigabytes are refused in words", async () => {
  await mkdir(join(folder, "directory.json"));
  await symlink("loop.json", join(folder, "loop.json"));
  await writeFile(join(folder, "latin.json"), Uint8Array.of(0x22, 0xfc, 0x22));
  await writeFile(join(folder, "large.json"), "");
  await truncate(join(folder, "large.json"), 3e9);
  expect(await files.has("loop.json")).toBe(false);
  for (const [name, message] of [
    ["directory.json", "must be a file; got a directory"],
    ["loop.json", "has no file loop.json"],
    ["latin.json", "must be text in UTF-8"],
    ["large.json", "must have at most 268435456 bytes; got 3000000000"],
    ["a\0b", "has no file"],
  ] as const) {
    await expect(files.readText(name)).rejects.toThrow(message);
    await expect(files.readText(name)).rejects.toBeInstanceOf(LecternError);
  }
});
