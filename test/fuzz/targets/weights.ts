import { openFiles } from "../../../src/files/index.ts";
import { openCheckpoint } from "../../../src/formats/checkpoint.ts";
import { changedCopy, exercise, models, readFixture, readJson } from "../inputs.ts";
import type { Mutator } from "../mutate.ts";

/** A safetensors file of a header, as text, and the data behind it. */
function written(header: string, data: Uint8Array): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

export function changedTensors(mutate: Mutator, file: Uint8Array): Uint8Array {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  if (mutate.chance(0.4)) return mutate.bytes(file, mutate.chance(0.7) ? 8 + length : file.length);
  const header: unknown = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  return written(mutate.jsonText(mutate.json(header)), file.subarray(8 + length));
}

async function openAll(directory: string): Promise<void> {
  const checkpoint = await openCheckpoint(await openFiles(directory));
  for (const name of checkpoint.names().slice(0, 4)) await checkpoint.read(name);
  await exercise(directory);
}

export async function weights(mutate: Mutator, folder: string): Promise<unknown> {
  if (mutate.chance(0.3)) {
    const [model, name] = ["models/llama_sharded", "model.safetensors.index.json"];
    const index = mutate.jsonText(mutate.json(readJson(`${model}/${name}`)));
    const shard = "model-00002-of-00002.safetensors";
    const other = mutate.chance(0.2) ? { [shard]: changedTensors(mutate, readFixture(`${model}/${shard}`)) } : {};
    return openAll(await changedCopy(model, folder, { [name]: index, ...other }));
  }
  const model = mutate.pick([...models.decoders, ...models.encoders, "models/t5_relu", "rnn/char-gru"]);
  const file = "model.safetensors";
  return openAll(await changedCopy(model, folder, { [file]: changedTensors(mutate, readFixture(`${model}/${file}`)) }));
}
