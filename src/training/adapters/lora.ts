import { check, Random } from "../../common/index.ts";
import type { Architecture } from "../../families/index.ts";
import { joinPath, makeDirectory, openFiles, writeFileAtomic } from "../../files/index.ts";
import { safetensorsChunks } from "../../formats/index.ts";
import {
  type Adapter,
  adaptedParameters,
  headOf,
  isLearned,
  type LoraConfig,
  mergedParameters,
  openAdapted,
  outputLengths,
  peftName,
  targetedTables,
  type Weights,
} from "../../inference/index.ts";
import { fromFloat32, type HostTensor } from "../../tensor/index.ts";
import { exportModel } from "../run/export-model.ts";
import { type Parameters, parameterShapes } from "../run/step-graph.ts";

/**
 * An adapter's first weights: A uniform within ±1 / √I, B zeros, magnitudes the lengths of the base's weights, modules
 * that are kept whole as the base has them: so it changes nothing yet.
 * @param fresh gives a parameter that the base does not have, such as a new head
 */
export async function startAdapter(
  architecture: Architecture,
  weights: Weights,
  config: LoraConfig,
  seed: number,
  fresh: (path: string, shape: readonly number[]) => Parameters[string],
): Promise<Parameters> {
  const learned = isLearned(config);
  const adapted = adaptedParameters(architecture, config);
  const [table] = [...targetedTables(config, adapted.keys()), ...Object.keys(config.trainableTokens ?? {})];
  check(
    table === undefined,
    "unsupported",
    () =>
      `LoRA: changes of embeddings (${table || "trainable_token_indices"}) are read and merged, but not trained; target linear layers, or learn the table whole with modulesToSave`,
  );
  const all = [...adapted].filter(([path]) => learned(path));
  const shapes = new Map(all.map(([path, { shape }]) => [path, shape]));
  const parameters: Parameters = {};
  for (const [index, [path, shape]] of [...shapes].entries()) {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
    if (path.endsWith(".lora_A.weight")) {
      const random = new Random(seed, index, 7);
      const bound = (shape[1] as number) ** -0.5;
      for (let i = 0; i < data.length; i++) data[i] = (2 * random.next() - 1) * bound;
    } else if (path.endsWith(".lora_magnitude_vector")) {
      const layer = path.slice(0, -".lora_magnitude_vector".length);
      const [outSize, inSize] = [shape[0] as number, shapes.get(`${layer}.lora_A.weight`)?.[1] as number];
      data.set(await outputLengths(weights, architecture, layer, { inSize, outSize }));
    } else if (!path.includes(".lora_")) {
      const isSame = weights.has(path) && weights.shape(path).join() === shape.join();
      parameters[path] = isSame ? await weights.read(path) : fresh(path, shape);
      continue;
    }
    parameters[path] = { dtype: "float32", shape, data };
  }
  return parameters;
}

/** Writes an adapter as PEFT does: `adapter_config.json` and `adapter_model.safetensors`. */
export async function saveAdapter(
  directory: string,
  { config, parameters }: Adapter,
  architecture: Architecture,
  { base, taskType }: { readonly base: string; readonly taskType: string },
): Promise<void> {
  await makeDirectory(directory);
  const named = Object.entries(parameters).map(([path, tensor]) => [peftName(path, architecture), tensor] as const);
  const json = {
    peft_type: "LORA",
    task_type: taskType,
    base_model_name_or_path: base,
    r: config.r,
    lora_alpha: config.loraAlpha,
    lora_dropout: config.loraDropout ?? 0,
    target_modules: config.targetModules,
    exclude_modules: config.excludeModules ?? null,
    rank_pattern: config.rankPattern ?? {},
    alpha_pattern: config.alphaPattern ?? {},
    layers_to_transform: config.layersToTransform ?? null,
    layers_pattern: null,
    modules_to_save: config.modulesToSave ?? null,
    use_rslora: config.useRslora ?? false,
    use_dora: config.useDora ?? false,
    fan_in_fan_out: architecture.family.checkpoint.linearLayout === "in-out",
    bias: "none",
    inference_mode: true,
    init_lora_weights: true,
    revision: null,
  };
  await writeFileAtomic(joinPath(directory, "adapter_model.safetensors"), safetensorsChunks(Object.fromEntries(named)));
  await writeFileAtomic(joinPath(directory, "adapter_config.json"), `${JSON.stringify(json, null, 2)}\n`);
}

/**
 * Writes a model with an adapter merged into its weights, in the dtype that they had.
 * @returns the names of the tensors that changed
 */
export async function mergeAdapter(model: string, directory: string, out: string): Promise<string[]> {
  const { architecture, json, weights, adapter, base } = await openAdapted(await openFiles(directory), model);
  const merged = await mergedParameters(weights, architecture, adapter);
  const stored = Object.entries(merged).map(
    ([path, tensor]) => [weights.has(path) ? weights.stored(path) : path, tensor] as const,
  );
  const changed = new Map(stored);
  const tensors: Record<string, HostTensor> = {};
  const isSameHead = headOf(architecture).kind === headOf(base).kind;
  const used = new Set([...parameterShapes(architecture).keys()].map((path) => weights.stored(path)));
  const { buffers } = architecture.family.checkpoint;
  for (const name of weights.checkpoint.names()) {
    if (!isSameHead && !used.has(name) && !buffers?.test(name)) continue; // of another head
    const tensor = await weights.checkpoint.read(name);
    const other = changed.get(name);
    const isFloat = tensor.dtype === "float32" || tensor.dtype === "float16" || tensor.dtype === "bfloat16";
    tensors[name] =
      other && isFloat ? { ...other, dtype: tensor.dtype, data: fromFloat32(tensor.dtype, other.data) } : tensor;
  }
  for (const [name, tensor] of changed) tensors[name] ??= tensor;
  await exportModel(out, undefined, json, model);
  await writeFileAtomic(joinPath(out, "model.safetensors"), safetensorsChunks(tensors));
  return [...changed.keys()];
}
