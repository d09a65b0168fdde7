import { check, LecternError } from "../../common/index.ts";
import type { Architecture } from "../../families/index.ts";
import type { FileSource } from "../../files/index.ts";
import { type Checkpoint, openDirectory, openSafetensors, pickleRefused } from "../../formats/index.ts";
import { type HostTensor, toFloat32 } from "../../tensor/index.ts";
import {
  changedTable,
  changedTables,
  embeddingParameter,
  missingEmbedding,
  targetedTables,
} from "../embedding-adapter.ts";
import { forwardGraph } from "../forward-graph.ts";
import { runtimeOf } from "../kinds/index.ts";
import { readJsonFile } from "../model-files.ts";
import { isEmbedding, isSharedEmbedding, isTiedOutput, tiedRefused } from "../tied-embeddings.ts";
import { parametersOf, type Weights } from "../weights.ts";
import { adapterPlan, isLearned, type LoraConfig, parseLoraConfig } from "./lora-config.ts";

/** An adapter: settings, and its weights by path (`….lora_A.weight`, `….lora_B.weight`, or whole parameters). */
export interface Adapter {
  /** The adapter's settings. */
  readonly config: LoraConfig;
  /** Its weights by path. */
  readonly parameters: Record<string, HostTensor<"float32">>;
}

const PREFIX = "base_model.model.";

/** The names that transformers gives to heads which an adapter holds whole. */
const HEAD = /^base_model\.model\.(classifier|score|qa_outputs)\./;

/** The name in PEFT's files of a parameter of an adapter. */
export function peftName(path: string, architecture: Architecture): string {
  const { leavesOutPrefix } = runtimeOf(architecture).adapters;
  const { prefix } = architecture.family.checkpoint;
  return PREFIX + (leavesOutPrefix && path.startsWith(prefix) ? path.slice(prefix.length) : path);
}

/** The tensors of an adapter. */
export async function openAdapterFile(files: FileSource): Promise<Checkpoint> {
  const [name, pickled] = ["adapter_model.safetensors", "adapter_model.bin"] as const;
  if (!(await files.has(name)) && (await files.has(pickled))) throw pickleRefused(files.location, pickled);
  return openSafetensors(files, name);
}

/** Reads a directory that PEFT wrote, and checks it against the model. */
export async function readAdapter(directory: string, architecture: Architecture): Promise<Adapter> {
  const files = await openDirectory(directory);
  const config = parseLoraConfig(await readJsonFile(files, "adapter_config.json"));
  const checkpoint = await openAdapterFile(files);
  const shapes = new Map([...adaptedParameters(architecture, config)].map(([path, { shape }]) => [path, shape]));
  const { prefix, ignored } = architecture.family.checkpoint;
  const parameters: Adapter["parameters"] = {};
  const outputs = new Map<string, HostTensor<"float32">>();
  for (const name of checkpoint.names()) {
    if (name.includes(".original_module.")) continue; // of the base, and not in use
    const bare = bareName(name);
    const path = [bare, prefix + bare].find((path) => shapes.has(path));
    if (path === undefined && bare.endsWith(".bias") && ignored.test(bare)) continue; // a copy, or of an unused layer
    const embedding = embeddingParameter(bare, { directory, config, architecture, shapes });
    const isOutput = path === undefined && !embedding && isTiedOutput(bare.replace(/\.weight$/, ""), architecture);
    if (path === undefined && !embedding && !isOutput) throw unknownTensor(directory, name, architecture);
    const { shape, dtype, data } = await checkpoint.read(name);
    const value = { dtype: "float32", shape, data: Float32Array.from(toFloat32(dtype, data)) } as const;
    const place = embedding?.path ?? path;
    if (place === undefined) {
      outputs.set(name, value);
      continue;
    }
    const wanted = (embedding?.shape ?? shapes.get(place))?.join();
    check(
      shape.join() === wanted,
      "config",
      () => `${directory}: ${name} is [${shape.join(", ")}], the model takes [${wanted}]`,
    );
    parameters[place] = value;
  }
  checkTies(directory, { config, parameters }, outputs, architecture);
  const missing =
    [...shapes.keys()].find((path) => /\.lora_/.test(path) && !parameters[path]) ??
    missingEmbedding({ config, parameters }, shapes);
  if (missing !== undefined) throw new LecternError("config", `${directory}: the adapter lacks ${missing}`);
  return { config, parameters };
}

/** A name of PEFT's files without what PEFT's own modules add: an adapted layer's weights are those of its `base_layer`. */
function bareName(name: string): string {
  const inside = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name;
  return inside.replace(/\.(base_layer|modules_to_save)\./, ".");
}

/** The paths of the linear layers that an adapter may change. */
export function linearLayers(architecture: Architecture): string[] {
  const paths = new Set<string>();
  const note = (path: string): undefined => {
    if (!isEmbedding(path)) paths.add(path);
  };
  forwardGraph(architecture, { batch: 1, queries: 1, steps: 1, plan: note });
  return [...paths];
}

/** A tied table is read where it is said once, or twice alike: by PEFT's `modules_to_save` it is two. */
function checkTies(
  directory: string,
  { config, parameters }: Adapter,
  outputs: ReadonlyMap<string, HostTensor<"float32">>,
  architecture: Architecture,
): void {
  const isTable = (path: string): boolean => isSharedEmbedding(path.replace(/\.weight$/, ""), architecture);
  const [path, table] = Object.entries(parameters).find(([path]) => isTable(path)) ?? [];
  const isLike = ({ data }: HostTensor<"float32">): boolean => table?.data.every((x, i) => x === data[i]) ?? false;
  for (const [name, output] of outputs) if (!isLike(output)) throw tiedRefused(directory, name);
  const isAlone = outputs.size === 0 && path !== undefined && isLearned(config)(path);
  if (isAlone && !config.ensureWeightTying) throw tiedRefused(directory, path);
}

/** The error for a tensor of an adapter that the model has no place for. */
function unknownTensor(directory: string, name: string, architecture: Architecture): LecternError {
  const layer = bareName(name).replace(/\.lora_.*$/, "");
  if (isTiedOutput(layer, architecture)) return tiedRefused(directory, name);
  const { headRemedy } = runtimeOf(architecture).adapters;
  const reason = HEAD.test(name) ? `, which has no such head; ${headRemedy}` : "";
  return new LecternError("config", `${directory}: ${name} is no part of this ${architecture.family.name}${reason}`);
}

/** All parameters of a model with an adapter. */
export function adaptedParameters(architecture: Architecture, config: LoraConfig) {
  const pass = forwardGraph(architecture, { batch: 1, queries: 1, steps: 1, plan: adapterPlan(config) });
  const parameters = parametersOf(Object.values(pass.heads));
  const isAdapted =
    [...parameters.keys()].some((path) => path.includes(".lora_A.")) ||
    targetedTables(config, parameters.keys()).length > 0 ||
    Object.keys(config.trainableTokens ?? {}).length > 0;
  check(
    isAdapted,
    "config",
    () => `LoRA: no linear layer is named by targetModules ${JSON.stringify(config.targetModules)}`,
  );
  return parameters as Map<string, { readonly shape: readonly number[] }>;
}

/** The linear layers that an adapter changes, with its factors. */
export function* changes({ config, parameters }: Adapter) {
  const plan = adapterPlan(config);
  for (const [name, down] of Object.entries(parameters)) {
    if (!name.endsWith(".lora_A.weight")) continue;
    const path = name.slice(0, -".lora_A.weight".length);
    const up = parameters[`${path}.lora_B.weight`] as HostTensor<"float32">;
    const magnitude = parameters[`${path}.lora_magnitude_vector`];
    const { scale } = plan(path) as { scale: number };
    yield { path, down, up, magnitude, scale, weight: parameters[`${path}.weight`] };
  }
}

/** s · B A as `[O, I]`. */
export function product(down: HostTensor<"float32">, up: HostTensor<"float32">, scale: number): Float64Array {
  const [rank, inSize] = down.shape as [number, number];
  const outSize = up.shape[0] as number;
  const out = new Float64Array(outSize * inSize);
  for (let o = 0; o < outSize; o++)
    for (let r = 0; r < rank; r++) {
      const factor = scale * (up.data[o * rank + r] as number);
      if (factor === 0) continue;
      for (let i = 0; i < inSize; i++)
        out[o * inSize + i] = (out[o * inSize + i] as number) + factor * (down.data[r * inSize + i] as number);
    }
  return out;
}

/** W + s · B A of a layer as `[O, I]`, and the length of each of its rows. */
export function movedWeight(
  { shape, data }: HostTensor<"float32">,
  change: Float64Array,
  isTransposed: boolean,
): { moved: Float64Array; lengths: Float64Array } {
  const [rows, columns] = shape as [number, number];
  const [outSize, inSize] = isTransposed ? [columns, rows] : [rows, columns];
  const moved = Float64Array.from(change);
  const lengths = new Float64Array(outSize);
  for (let o = 0; o < outSize; o++) {
    let sum = 0;
    for (let i = 0; i < inSize; i++) {
      const own = data[isTransposed ? i * outSize + o : o * inSize + i] as number;
      const value = (moved[o * inSize + i] as number) + own;
      moved[o * inSize + i] = value;
      sum += value * value;
    }
    lengths[o] = Math.sqrt(sum);
  }
  return { moved, lengths };
}

/** The parameters that are other ones once an adapter is merged into a model. */
export async function mergedParameters(
  weights: Weights,
  architecture: Architecture,
  adapter: Adapter,
): Promise<Record<string, HostTensor<"float32">>> {
  const isTransposed = architecture.family.checkpoint.linearLayout === "in-out";
  const merged: Record<string, HostTensor<"float32">> = {};
  for (const [path, tensor] of Object.entries(adapter.parameters)) if (!/\.lora_/.test(path)) merged[path] = tensor;
  for (const { path, down, up, magnitude, scale, weight } of changes(adapter)) {
    const own = weight ?? (await weights.read(`${path}.weight`));
    const { moved, lengths } = movedWeight(own, product(down, up, scale), isTransposed);
    const [outSize, inSize] = [up.shape[0] as number, down.shape[1] as number];
    const data = new Float32Array(moved.length);
    for (let o = 0; o < outSize; o++) {
      const factor = magnitude ? (magnitude.data[o] as number) / (lengths[o] as number) : 1;
      for (let i = 0; i < inSize; i++)
        data[isTransposed ? i * outSize + o : o * inSize + i] = factor * (moved[o * inSize + i] as number);
    }
    const shape = isTransposed ? [inSize, outSize] : [outSize, inSize];
    merged[`${path}.weight`] = { dtype: "float32", shape, data };
  }
  for (const table of changedTables(adapter)) {
    const own = adapter.parameters[`${table}.weight`] ?? (await weights.read(`${table}.weight`));
    merged[`${table}.weight`] = changedTable(adapter, table, own);
  }
  return merged;
}

/** The length of each output's weights of the layers that an adapter changes: where DoRA's magnitudes begin. */
export async function outputLengths(
  weights: Weights,
  architecture: Architecture,
  path: string,
  size: { readonly inSize: number; readonly outSize: number },
): Promise<Float32Array> {
  const isTransposed = architecture.family.checkpoint.linearLayout === "in-out";
  const none = new Float64Array(size.inSize * size.outSize);
  const weight = await weights.read(`${path}.weight`);
  return Float32Array.from(movedWeight(weight, none, isTransposed).lengths);
}
