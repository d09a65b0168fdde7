import { copyFile, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { openFiles } from "../files/index.ts";
import { openCheckpoint } from "./checkpoint.ts";

const INDEX = "model.safetensors.index.json";

async function opened(index: string, prepare: (folder: string) => unknown = () => {}): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  await writeFile(join(folder, INDEX), index);
  await copyFile(fixture("models/gpt2/model.safetensors"), join(folder, "here.safetensors"));
  await prepare(folder);
  return openCheckpoint(await openFiles(folder));
}

test.each([
  ["no JSON", "{", "is not JSON"],
  ["nothing", "", "is not JSON"],
  ["a list", "[]", "must hold an object"],
  ["null", "null", "must hold an object"],
  ["no map", "{}", "weight_map must give a file for each tensor; got nothing"],
  ["a map of nothing", '{"weight_map":{}}', "weight_map must give a file for each tensor; got {}"],
  ["a list for a map", '{"weight_map":["here.safetensors"]}', 'got ["here.safetensors"]'],
  ["a number for a shard", '{"weight_map":{"a":1}}', "got 1 for a"],
  ["the directory above for a shard", '{"weight_map":{"a":".."}}', 'got ".." for a'],
  ["the directory itself for a shard", '{"weight_map":{"a":"."}}', 'got "." for a'],
  ["a path for a shard", '{"weight_map":{"a":"../x.safetensors"}}', 'got "../x.safetensors" for a'],
  ["a path of Windows", '{"weight_map":{"a":"..\\\\x.safetensors"}}', "for a"],
  ["a zero byte in a name", '{"weight_map":{"a":"x\\u0000.safetensors"}}', "for a"],
  ["another kind of file", '{"weight_map":{"a":"config.json"}}', 'got "config.json" for a'],
  [
    "a tensor that the shard lacks",
    '{"weight_map":{"__proto__":"here.safetensors"}}',
    "looks for __proto__ in here.safetensors",
  ],
  [
    "a shard that is missing",
    '{"weight_map":{"a":"gone.safetensors"}}',
    "names the shard gone.safetensors, which is missing",
  ],
])("an index with %s is refused in words", async (_, index, message) => {
  await expect(opened(index)).rejects.toThrow(message);
});

test("a shard that is a directory is refused in words", async () => {
  const index = '{"weight_map":{"a":"sub.safetensors"}}';
  await expect(opened(index, (folder) => mkdir(join(folder, "sub.safetensors")))).rejects.toThrow(
    "sub.safetensors must be a file; got a directory",
  );
});
