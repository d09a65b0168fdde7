import { join } from "node:path";
import { check } from "../common/index.ts";
import { openSafetensors, safetensorsChunks } from "../formats/index.ts";
import { writeFileAtomic } from "../formats/write-file.ts";
import { openFiles } from "../runtime/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import type { TrainingState } from "./trainer.ts";

const FILE = "training.safetensors";

/** Writes all that a run needs to go on, in one file, whole or not at all. */
export async function saveCheckpoint(directory: string, { parameters, moments, step }: TrainingState): Promise<void> {
  const tensors: Record<string, HostTensor> = {
    step: { dtype: "int64", shape: [1], data: BigInt64Array.of(BigInt(step)) },
  };
  for (const [name, tensor] of Object.entries(parameters)) {
    const { first, second } = moments[name] as TrainingState["moments"][string];
    tensors[`weight.${name}`] = tensor;
    tensors[`first.${name}`] = { ...tensor, data: first };
    tensors[`second.${name}`] = { ...tensor, data: second };
  }
  await writeFileAtomic(join(directory, FILE), safetensorsChunks(tensors));
}

/** Reads a checkpoint; undefined where there is none. */
export async function loadCheckpoint(directory: string): Promise<TrainingState | undefined> {
  const files = await openFiles(directory);
  if (!(await files.has(FILE))) return undefined;
  const checkpoint = await openSafetensors(files, FILE);
  const parameters: TrainingState["parameters"] = {};
  const moments: TrainingState["moments"] = {};
  for (const key of checkpoint.names().filter((key) => key.startsWith("weight."))) {
    const name = key.slice("weight.".length);
    const [weight, first, second] = await Promise.all(
      ["weight", "first", "second"].map((part) => checkpoint.read(`${part}.${name}`)),
    );
    check(weight?.dtype === "float32" && first && second, "file", () => `${FILE}: ${name} is incomplete`);
    parameters[name] = weight as HostTensor<"float32">;
    moments[name] = { first: first.data as Float32Array, second: second.data as Float32Array };
  }
  return { parameters, moments, step: Number((await checkpoint.read("step")).data[0]) };
}
