import { check, LecternError, parseJsonObject } from "../../common/index.ts";
import { type FileSource, joinPath, openFiles, writeFileAtomic } from "../../files/index.ts";
import { openSafetensors, safetensorsChunks } from "../../formats/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import type { TrainingState } from "../optim/trainer.ts";
import { presentFingerprint } from "./renamed-settings.ts";
import { differenceOf, type RunFingerprint } from "./run-fingerprint.ts";
import type { Parameters } from "./step-graph.ts";

const FILE = "training.safetensors";

/** The parts of a state that are tensors by name, and how their names begin in the file. */
const parts = { weight: "parameters", average: "average", carried: "carried" } as const;

/**
 * Writes all that a run needs to go on, in one file, whole or not at all. What is drawn at random follows from the seed
 * and the step, and so does a batch, so no more is needed.
 * @param identity what the run is, so that no other goes on from it
 */
export async function saveCheckpoint(
  directory: string,
  state: TrainingState,
  identity: RunFingerprint = {},
): Promise<void> {
  const metrics = Float64Array.from(state.metrics);
  const tensors: Record<string, HostTensor> = {
    step: { dtype: "int64", shape: [1], data: BigInt64Array.of(BigInt(state.step)) },
    metrics: { dtype: "uint8", shape: [metrics.byteLength], data: new Uint8Array(metrics.buffer) },
    identity: bytesOf(JSON.stringify(identity)),
  };
  for (const [prefix, part] of Object.entries(parts))
    for (const [name, tensor] of Object.entries(state[part] ?? {})) tensors[`${prefix}.${name}`] = tensor;
  for (const [name, slots] of Object.entries(state.slots))
    for (const [slot, data] of Object.entries(slots))
      tensors[`slot.${slot}.${name}`] = { dtype: "float32", shape: [data.length], data };
  await writeFileAtomic(joinPath(directory, FILE), safetensorsChunks(tensors));
}

function bytesOf(text: string): HostTensor {
  const data = new TextEncoder().encode(text);
  return { dtype: "uint8", shape: [data.length], data };
}

/**
 * Reads a checkpoint; undefined where there is none.
 * @param identity what the run is that would go on: a checkpoint of another one is refused
 */
export async function loadCheckpoint(directory: string, identity?: RunFingerprint): Promise<TrainingState | undefined> {
  const files = await openFiles(directory);
  if (!(await files.has(FILE))) return undefined;
  const { before, ...state } = await readCheckpoint(files).catch((cause) => {
    throw new LecternError(
      "file",
      `${joinPath(directory, FILE)} is damaged (${(cause as Error).message}); remove it to begin anew`,
      { cause },
    );
  });
  const difference = identity && before && differenceOf(presentFingerprint(before), presentFingerprint(identity));
  check(
    difference === undefined,
    "usage",
    () =>
      `${joinPath(directory, FILE)} is the checkpoint of another run: ${difference}; choose another directory, or remove it to begin anew`,
  );
  return state;
}

/** @returns the state, and what the run was; files of older versions do not tell */
async function readCheckpoint(files: FileSource): Promise<TrainingState & { before: RunFingerprint | undefined }> {
  const checkpoint = await openSafetensors(files, FILE);
  const empty = (): Parameters => Object.create(null) as Parameters; // a tensor may be called __proto__
  const found: Record<keyof typeof parts, Parameters> = { weight: empty(), average: empty(), carried: empty() };
  const slots = Object.create(null) as Record<string, Record<string, Float32Array>>;
  for (const key of checkpoint.names()) {
    const [, prefix = "", name = ""] = /^(weight|average|carried|slot)\.(.*)$/.exec(key) ?? [];
    if (prefix === "") continue;
    const tensor = await checkpoint.read(key);
    check(tensor.dtype === "float32", "file", () => `${FILE}: ${key} must be float32; got ${tensor.dtype}`);
    if (prefix === "slot") {
      const [, slot = "", parameter = ""] = /^([^.]+)\.(.*)$/.exec(name) ?? [];
      slots[parameter] ??= {};
      (slots[parameter] as Record<string, Float32Array>)[slot] = tensor.data as Float32Array;
    } else found[prefix as keyof typeof parts][name] = tensor as HostTensor<"float32">;
  }
  for (const name of Object.keys(found.weight)) slots[name] ??= {};
  const bytes = Uint8Array.from((await checkpoint.read("metrics")).data as Uint8Array);
  check(bytes.length % 8 === 0, "file", () => `${FILE}: metrics must be whole numbers of 8 bytes; got ${bytes.length}`);
  const identity = checkpoint.has("identity") ? (await checkpoint.read("identity")).data : undefined;
  const step = Number((await checkpoint.read("step")).data[0]);
  check(Number.isSafeInteger(step) && step >= 0, "file", () => `${FILE}: step must be a whole number; got ${step}`);
  return {
    before:
      identity &&
      (parseJsonObject(new TextDecoder().decode(identity as Uint8Array), `${FILE}: identity`) as RunFingerprint),
    parameters: found.weight,
    slots,
    average: Object.keys(found.average).length > 0 ? found.average : undefined,
    carried: found.carried,
    metrics: [...new Float64Array(bytes.buffer)],
    step,
  };
}
