import { check, didYouMean, LecternError, shown } from "../../common/index.ts";
import type { Architecture } from "../../families/index.ts";
import {
  endsWith,
  isEmbedding,
  isSharedEmbedding,
  isTiedOutput,
  type LoraConfig,
  liesIn,
  linearLayers,
  type Weights,
} from "../../inference/index.ts";
import { parameterShapes } from "../run/step-graph.ts";

/** The modules that PEFT expects whole, all their layers, in any adapter of a classifier or of what answers questions. */
const HEAD = /^(\w*classifier|score|qa_outputs)(?=\.)/; // PEFT takes whatever ends so, such as pre_classifier

const moduleOf = (path: string): string => path.replace(/\.[^.]+$/, "");

/** Names that PEFT would look for and not find, or find and change otherwise, are refused. */
function checkNames({ targetModules, modulesToSave = [] }: Partial<LoraConfig>, architecture: Architecture): void {
  const modules = [...parameterShapes(architecture).keys()].map(moduleOf);
  const shared = modules.find(
    (path) => isSharedEmbedding(path, architecture) && modulesToSave.some((name) => liesIn(path, name)),
  );
  if (shared !== undefined)
    throw new LecternError(
      "usage",
      `LoRA: modulesToSave names ${shared}, which the model shares with another layer, and PEFT would change one of the two alone; leave it out`,
    );
  if (!Array.isArray(targetModules)) return;
  const linear = linearLayers(architecture);
  for (const name of targetModules as readonly string[]) {
    if (linear.some((path) => endsWith(path, name))) continue;
    const isTable =
      isTiedOutput(name, architecture) || modules.some((path) => isEmbedding(path) && endsWith(path, name));
    const known = new Set(linear.map((path) => path.slice(path.lastIndexOf(".") + 1)));
    const reason = isTable
      ? "is a table of embeddings, or tied to one, and adapters change linear layers alone; leave it out"
      : `names no linear layer; known are ${[...known].join(", ")}${didYouMean(name, known)}`;
    throw new LecternError("usage", `LoRA: the target ${name} ${reason}`);
  }
}

/** No layer gains by more: the factors would be larger than what they change. */
const MOST_RANK = 4096;

const EXPERT = /\.experts\.\d+\./;

/** PEFT refuses adapters that it keeps of experts, where they are DoRA's. */
function checkDora({ targetModules, useDora }: Partial<LoraConfig>, architecture: Architecture): void {
  const isNamed = (path: string): boolean =>
    !Array.isArray(targetModules) || targetModules.some((name) => endsWith(path, name));
  const expert = linearLayers(architecture).find((path) => EXPERT.test(path) && isNamed(path));
  if (useDora && expert !== undefined)
    throw new LecternError(
      "usage",
      `LoRA: PEFT reads no DoRA of experts such as ${expert}; leave --dora out, or name --lora-targets such as q_proj,v_proj`,
    );
}

/** A head is learned whole, beside the adapter, and so is whatever else the base does not have. */
export function loraOf(given: Partial<LoraConfig>, architecture: Architecture, weights: Weights): LoraConfig {
  for (const rank of [given.r ?? 1, ...Object.values(given.rankPattern ?? {})])
    check(
      Number.isSafeInteger(rank) && rank > 0 && rank <= MOST_RANK,
      "usage",
      () => `LoRA: a rank must be a whole number from 1 to ${MOST_RANK}; got ${shown(rank)}`,
    );
  checkNames(given, architecture);
  checkDora(given, architecture);
  const whole = [...parameterShapes(architecture)].filter(
    ([path, shape]) => HEAD.test(path) || !weights.has(path) || weights.shape(path).join() !== shape.join(),
  );
  const modules = new Set(whole.map(([path]) => HEAD.exec(path)?.[0] ?? moduleOf(path)));
  const modulesToSave = [...new Set([...(given.modulesToSave ?? []), ...modules])];
  return {
    r: 8,
    loraAlpha: 16,
    targetModules: "all-linear",
    ...given,
    ...(modulesToSave.length > 0 && { modulesToSave }),
  };
}
