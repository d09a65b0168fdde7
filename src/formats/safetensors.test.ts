import { copyFile, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { LecternError } from "../common/index.ts";
import { openFiles } from "../files/index.ts";
import { writeFileAtomic } from "../files/write-file.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { safetensorsChunks } from "./safetensors-write.ts";

const folder = (): Promise<string> => mkdtemp(join(tmpdir(), "lectern-"));

async function openBytes(bytes: Uint8Array): Promise<unknown> {
  const directory = await folder();
  await writeFile(join(directory, "model.safetensors"), bytes);
  const checkpoint = await openCheckpoint(await openFiles(directory));
  return Promise.all(checkpoint.names().map((name) => checkpoint.read(name)));
}

function file(header: string | object, data = 0): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const f32 = (shape: unknown, start: number, end: number): object => ({
  dtype: "F32",
  shape,
  data_offsets: [start, end],
});

describe("a damaged safetensors file is refused in words", () => {
  test.each([
    ["shorter than its length field", new Uint8Array(5), "starts with 8 bytes"],
    ["a header longer than the file", Uint8Array.of(200, 0, 0, 0, 0, 0, 0, 0), "truncated"],
    ["an absurd header length", new Uint8Array(8).fill(255), "at most 100000000"],
    ["a header that is not JSON", file("{no"), "not JSON"],
    ["a header that is a list", file("[]"), "must be an object"],
    ["an unknown dtype", file({ a: { dtype: "F8", shape: [1], data_offsets: [0, 1] } }, 1), 'dtype "F8"'],
    ["a negative size", file({ a: f32([-1], 0, 4) }, 4), "shape must be whole numbers"],
    ["a shape that contradicts its range", file({ a: f32([2], 0, 4) }, 4), "takes 8 bytes; data_offsets give 4"],
    ["overlapping tensors", file({ a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8), "overlaps"],
    ["a gap between tensors", file({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12), "4 unused bytes"],
    ["a tensor beyond the end", file({ a: f32([4], 0, 16) }, 8), "truncated"],
    ["bytes after the last tensor", file({ a: f32([1], 0, 4) }, 9), "5 bytes follow"],
    [
      "a name given twice",
      file(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
      ),
      "names a tensor twice",
    ],
  ])("%s", async (_what, bytes, message) => {
    await expect(openBytes(bytes)).rejects.toThrow(message);
  });
});

test("any flipped bit or cut in the header of a real file is an explained error or another valid header", async () => {
  const whole = new Uint8Array(await readFile(fixture("models/gpt2/model.safetensors")));
  for (let at = 0; at < 600; at += 7) {
    const flipped = Uint8Array.from(whole);
    flipped[at] = (flipped[at] as number) ^ (1 << (at % 8));
    await openBytes(flipped).catch((error) => expect(error, `bit flipped in byte ${at}`).toBeInstanceOf(LecternError));
    await expect(openBytes(whole.subarray(0, at)), `cut at ${at}`).rejects.toBeInstanceOf(LecternError);
  }
});

test("a missing shard, and a shard without its tensor, are named", async () => {
  const directory = await folder();
  const source = fixture("models/llama_sharded");
  await copyFile(join(source, "model.safetensors.index.json"), join(directory, "model.safetensors.index.json"));
  await expect(openFiles(directory).then(openCheckpoint)).rejects.toThrow(
    /names the shard model-0000\d-of-00002.safetensors, which is missing/,
  );
  await copyFile(join(source, "model-00001-of-00002.safetensors"), join(directory, "model-00001-of-00002.safetensors"));
  await copyFile(join(source, "model-00001-of-00002.safetensors"), join(directory, "model-00002-of-00002.safetensors"));
  await expect(openFiles(directory).then(openCheckpoint)).rejects.toThrow("does not hold it");
});

test("what is written is read back to the bit", async () => {
  const directory = await folder();
  const tensors = {
    a: { dtype: "float32" as const, shape: [2], data: Float32Array.of(1.5, -2) },
    b: { dtype: "int64" as const, shape: [1, 1], data: BigInt64Array.of(-7n) },
    c: { dtype: "bfloat16" as const, shape: [], data: Uint16Array.of(0x3f80) },
  };
  await writeFileAtomic(join(directory, "model.safetensors"), safetensorsChunks(tensors));
  const checkpoint = await openCheckpoint(await openFiles(directory));
  for (const [name, tensor] of Object.entries(tensors)) expect(await checkpoint.read(name)).toEqual(tensor);
});

test("a write that fails leaves the old file as it was", async () => {
  const directory = await folder();
  const path = join(directory, "kept.txt");
  await writeFileAtomic(path, "old");
  await expect(writeFileAtomic(join(directory, "absent", "new.txt"), "new")).rejects.toThrow("cannot be written");
  expect(await readFile(path, "utf8")).toBe("old");
});
