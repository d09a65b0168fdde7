import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { mkdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openDirectory } from "../../../src/formats/index.ts";
import { loadTokenizer } from "../../../src/tokenizers/index.ts";
import { changedCopy, exercise, fixture } from "../inputs.ts";
import type { Mutator } from "../mutate.ts";

/** Things that are no plain file of text, in a file's place. */
const odd: readonly ((path: string) => unknown)[] = [
  (path) => mkdir(path),
  (path) => symlink(path, path),
  (path) => symlink("/dev/zero", path),
  (path) => symlink("/dev/stdin", path),
  (path) => symlink(`${path}-absent`, path),
  (path) => symlink("/proc/self/mem", path),
  (path) => process.platform !== "win32" && execFileSync("mkfifo", [path]),
  (path) => writeFile(path, ""),
  (path) => writeFile(path, Uint8Array.of(0xff, 0xfe, 0x7b, 0)),
  (path) => writeFile(path, "\ufeff"),
  (path) => writeFile(path, "<!doctype html><p>Not found"),
  (path) => writeFile(path, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"),
  async (path) => {
    await writeFile(path, "{");
    await truncate(path, 3e9); // sparse
  },
];

export async function files(mutate: Mutator, folder: string): Promise<void> {
  const model = mutate.pick([
    "models/llama_sharded",
    "models/bert_cls",
    "models/gpt2",
    "models/llama_chat",
    "tokenizers/llama",
  ]);
  const name = mutate.pick([
    ...readdirSync(fixture(model)),
    "modules.json",
    "adapter_config.json",
    "added_tokens.json",
    "README.md",
  ]);
  const directory = await changedCopy(model, folder, {});
  await rm(join(directory, name), { force: true });
  await mutate.pick(odd)(join(directory, name));
  await loadTokenizer(await openDirectory(directory));
  await exercise(directory);
}
