import type { Architecture } from "../../families/index.ts";
import { absoluteLocation, joinPath } from "../../files/index.ts";
import { openDirectory } from "../../formats/index.ts";
import { copyCompanions, isSameHead, type LoraConfig, readJsonFile, type Weights } from "../../inference/index.ts";
import { saveAdapter } from "../adapters/lora.ts";
import { exportModel } from "../run/export-model.ts";
import type { Parameters } from "../run/step-graph.ts";
import type { FinetuneOptions } from "./finetune.ts";
import { heads } from "./task-model.ts";

interface Finetuned {
  readonly architecture: Architecture;
  readonly json: Readonly<Record<string, unknown>>;
  readonly lora: LoraConfig | undefined;
  /** The weights of the base model. */
  readonly weights: Weights;
  /** The learned parameters. */
  readonly parameters: Parameters;
}

/** The directory of the model as it was at the evaluation of a step; without one, the directory of them all. */
export const evaluatedDirectory = (out: string, step?: number): string =>
  joinPath(out, "evaluated", ...(step === undefined ? [] : [`step-${step}`]));

/** Writes the model, or its adapter, with a config where its head is not the base's. */
export async function write(
  { out, model, task, baseName }: Pick<FinetuneOptions, "out" | "model" | "task" | "baseName">,
  { architecture, json, lora, weights, parameters }: Finetuned,
): Promise<void> {
  if (!lora) return exportModel(out, await withUnlearned(parameters, architecture, weights), json, model);
  const base = baseName ?? absoluteLocation(model);
  await saveAdapter(out, { config: lora, parameters }, architecture, { base, taskType: heads[task].taskType });
  const own = await readJsonFile(await openDirectory(model), "config.json");
  // transformers takes a directory with config.json for a whole model
  await (isSameHead(json, own) ? copyCompanions(model, out) : exportModel(out, undefined, json, model));
}

/** The learned parameters, with the tensors that a checkpoint stores and training leaves unchanged or does not read. */
async function withUnlearned(learned: Parameters, { family }: Architecture, weights: Weights): Promise<Parameters> {
  const { buffers, kept, prefix } = family.checkpoint;
  const hasPrefix = Object.keys(learned).some((name) => name.startsWith(prefix));
  const found: Parameters = { ...learned };
  for (const name of weights.checkpoint.names()) {
    if (buffers?.test(name)) found[name] = await weights.read(name);
    if (!kept?.test(name)) continue;
    const bare = name.startsWith(prefix) ? name.slice(prefix.length) : name;
    const own = hasPrefix ? prefix + bare : bare;
    found[own] ??= await weights.read(name);
  }
  return found;
}
