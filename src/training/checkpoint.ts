import { join } from "node:path";
import { check } from "../common/index.ts";
import { openSafetensors, safetensorsChunks } from "../formats/index.ts";
import { writeFileAtomic } from "../formats/write-file.ts";
import { openFiles } from "../runtime/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import type { Parameters } from "./step-graph.ts";
import type { TrainingState } from "./trainer.ts";

const FILE = "training.safetensors";

/** The parts of a state that are tensors by name, and how their names begin in the file. */
const parts = { weight: "parameters", average: "average", carried: "carried" } as const;

/**
 * Writes all that a run needs to go on, in one file, whole or not at all. What is drawn at random follows from the seed
 * and the step, and so does a batch, so no more is needed.
 */
export async function saveCheckpoint(directory: string, state: TrainingState): Promise<void> {
  const metrics = Float64Array.from(state.metrics);
  const tensors: Record<string, HostTensor> = {
    step: { dtype: "int64", shape: [1], data: BigInt64Array.of(BigInt(state.step)) },
    metrics: { dtype: "uint8", shape: [metrics.byteLength], data: new Uint8Array(metrics.buffer) },
  };
  for (const [prefix, part] of Object.entries(parts))
    for (const [name, tensor] of Object.entries(state[part] ?? {})) tensors[`${prefix}.${name}`] = tensor;
  for (const [name, slots] of Object.entries(state.slots))
    for (const [slot, data] of Object.entries(slots))
      tensors[`slot.${slot}.${name}`] = { dtype: "float32", shape: [data.length], data };
  await writeFileAtomic(join(directory, FILE), safetensorsChunks(tensors));
}

/** Reads a checkpoint; undefined where there is none. */
export async function loadCheckpoint(directory: string): Promise<TrainingState | undefined> {
  const files = await openFiles(directory);
  if (!(await files.has(FILE))) return undefined;
  const checkpoint = await openSafetensors(files, FILE);
  const found: Record<keyof typeof parts, Parameters> = { weight: {}, average: {}, carried: {} };
  const slots: Record<string, Record<string, Float32Array>> = {};
  for (const key of checkpoint.names()) {
    const [, prefix = "", name = ""] = /^(weight|average|carried|slot)\.(.*)$/.exec(key) ?? [];
    if (prefix === "") continue;
    const tensor = await checkpoint.read(key);
    check(tensor.dtype === "float32", "file", () => `${FILE}: ${key} must be float32; came ${tensor.dtype}`);
    if (prefix === "slot") {
      const [, slot = "", parameter = ""] = /^([^.]+)\.(.*)$/.exec(name) ?? [];
      slots[parameter] ??= {};
      (slots[parameter] as Record<string, Float32Array>)[slot] = tensor.data as Float32Array;
    } else found[prefix as keyof typeof parts][name] = tensor as HostTensor<"float32">;
  }
  for (const name of Object.keys(found.weight)) slots[name] ??= {};
  const bytes = Uint8Array.from((await checkpoint.read("metrics")).data as Uint8Array);
  return {
    parameters: found.weight,
    slots,
    average: Object.keys(found.average).length > 0 ? found.average : undefined,
    carried: found.carried,
    metrics: [...new Float64Array(bytes.buffer)],
    step: Number((await checkpoint.read("step")).data[0]),
  };
}
