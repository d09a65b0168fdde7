import { check, isObject, LecternError, parseJsonObject, shown } from "../common/index.ts";
import type { FileSource } from "../files/index.ts";
import { GgufFiles } from "./gguf/files.ts";
import { pickleRefused } from "./hub/choose.ts";
import { withCurrentNames } from "./parameter-names.ts";
import { openQuantized, readQuantization } from "./quantized/index.ts";
import { headerLength, parseHeader, type TensorInfo } from "./safetensors-header.ts";
import { type Checkpoint, TensorFiles } from "./tensor-files.ts";

/**
 * Opens `model.safetensors`, or the shards that `model.safetensors.index.json` names, by the names that parameters have
 * today; reads headers only. Matrices that `quantization_config` describes go by the names of their weights.
 */
export async function openCheckpoint(files: FileSource): Promise<Checkpoint> {
  if (files instanceof GgufFiles) return files.openCheckpoint();
  const settings = await readQuantization(files);
  const stored = await openStored(files);
  return withCurrentNames(await openQuantized(files, stored, settings), files.location);
}

async function openStored(files: FileSource): Promise<Checkpoint> {
  if (await files.has("model.safetensors")) return openSafetensors(files, "model.safetensors");
  const index = "model.safetensors.index.json";
  if (await files.has(index)) return openShards(files, index);
  for (const pickled of ["pytorch_model.bin", "pytorch_model.bin.index.json"])
    if (await files.has(pickled)) throw pickleRefused(files.location, pickled);
  throw new LecternError(
    "file",
    `${files.location} has neither model.safetensors nor ${index}; other weight formats are not read`,
  );
}

/** Opens one safetensors file. */
export async function openSafetensors(files: FileSource, name: string): Promise<Checkpoint> {
  return new TensorFiles(
    files,
    new Map([...(await readHeader(files, name))].map(([key, info]) => [key, { ...info, file: name }])),
  );
}

async function readHeader(files: FileSource, name: string): Promise<Map<string, TensorInfo>> {
  const size = await files.size(name);
  const length = headerLength(name, await files.readBytes(name, 0, Math.min(8, size)), size);
  return parseHeader(name, await files.readBytes(name, 8, length), size);
}

async function openShards(files: FileSource, indexName: string): Promise<Checkpoint> {
  const weightMap = readWeightMap(indexName, await files.readText(indexName));
  const shards = new Map<string, Map<string, TensorInfo>>();
  for (const shard of new Set(weightMap.values())) {
    check(await files.has(shard), "file", () => `${indexName} names the shard ${shard}, which is missing`);
    shards.set(shard, await readHeader(files, shard));
  }
  const tensors = new Map<string, TensorInfo & { file: string }>();
  for (const [name, file] of weightMap) {
    const info = shards.get(file)?.get(name);
    if (!info) throw new LecternError("file", `${indexName} looks for ${name} in ${file}, which does not hold it`);
    tensors.set(name, { ...info, file });
  }
  return new TensorFiles(files, tensors);
}

/** A file's name that leads nowhere else. */
const SHARD = /^[^/\\\0]+\.safetensors$/;

/** The files that an index names. */
export function shardsOf(indexName: string, text: string): string[] {
  return [...new Set(readWeightMap(indexName, text).values())];
}

function readWeightMap(indexName: string, text: string): Map<string, string> {
  const { weight_map: map } = parseJsonObject(text, indexName);
  check(
    isObject(map) && Object.keys(map).length > 0,
    "file",
    () => `${indexName}: weight_map must give a file for each tensor; got ${shown(map)}`,
  );
  for (const [tensor, file] of Object.entries(map))
    check(
      typeof file === "string" && SHARD.test(file),
      "file",
      () =>
        `${indexName}: weight_map must give a .safetensors file of this directory for each tensor; got ${shown(file)} for ${tensor}`,
    );
  return new Map(Object.entries(map) as [string, string][]);
}
