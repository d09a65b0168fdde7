import { check, LecternError, ownEntry, shown } from "../common/index.ts";
import type { Architecture } from "./architecture.ts";
import { ConfigReader } from "./config-reader.ts";
import { parts } from "./other-kinds.ts";
import { type OwnFamily, ownFamily } from "./own-families.ts";
import { families } from "./table.ts";
import { unknownType } from "./unknown.ts";
import { textPart, wrappedNames } from "./wrappers.ts";

export type { Architecture, ArchitectureOf, EncoderDecoderFamily, Family, Kind } from "./architecture.ts";
export type { ConfigReader } from "./config-reader.ts";
export { type DecoderHeads, decoderOutputs, parseDecoderHead } from "./decoder-head.ts";
export type {
  CheckpointNames,
  DecoderConfig,
  DecoderModel,
  EncoderConfig,
  EncoderDecoderConfig,
  EncoderDecoderModel,
  EncoderModel,
  FamilyCheckpoint,
  HeadConfig,
  HeadKind,
  KeptConfig,
  ModelConfig,
  RecurrentState,
  SourceRows,
} from "./family.ts";
export { spanLogits } from "./head.ts";
export type { LlamaConfig } from "./llama/config.ts";
export { defineFamily, type FamilyDefinition, type OwnFamily, type OwnFamilyParts } from "./own-families.ts";
export { families } from "./table.ts";
export { wrapperNotice } from "./wrappers.ts";

/** So many experts a model may have, in all layers together, whatever its checkpoint holds. */
const MOST_EXPERTS = 36_000;

/**
 * The family and settings of a parsed `config.json`; an unknown `model_type` names the known ones and the nearest.
 * @param tensors the names of the checkpoint's tensors, where one is at hand
 * @param own families of the caller
 */
export function readConfig(
  json: Readonly<Record<string, unknown>>,
  tensors: readonly string[] = [],
  own: readonly OwnFamily[] = [],
): Architecture {
  const text = textPart(json);
  return text ? wrapped(readFamily(text, tensors, own, true)) : readFamily(json, tensors, own);
}

/** The same model, whose parameters have the names that they have inside another. */
function wrapped(model: Architecture): Architecture {
  const { family } = model;
  return { ...model, family: { ...family, checkpoint: wrappedNames(family.checkpoint) } } as Architecture;
}

function readFamily(
  json: Readonly<Record<string, unknown>>,
  tensors: readonly string[],
  own: readonly OwnFamily[],
  isInside = false,
): Architecture {
  const type = json.model_type;
  const family = ownFamily(type, own, families) ?? ownEntry(families, type);
  if (!family) {
    const known = [...Object.keys(families), ...own.map(({ modelType }) => modelType)];
    throw unknownType(json, known, isInside);
  }
  const read = new ConfigReader(json, tensors);
  checkCommon(read);
  refuseByLayer(read);
  const part = parts.find(([of, applies]) => of === type && applies(read))?.[2] ?? family;
  const model = part.read(read);
  checkExperts(model.config, tensors.length);
  return model;
}

/** Settings of single layers, as pruned models have them: but for Gemma 4's heads, each layer is built by the same ones. */
function refuseByLayer(read: ConfigReader): void {
  if (read.json.model_type === "gemma4_text") return;
  const layers = Object.keys(read.object("per_layer_config") ?? {});
  if (layers.length > 0)
    throw new LecternError(
      "unsupported",
      `config.json: per_layer_config gives layer ${layers[0]} other settings, which is not supported; use a model whose layers are alike`,
    );
}

/** Fields that are read wherever a model is used, of whatever family. */
function checkCommon(read: ConfigReader): void {
  read.architecture();
  const labels = Object.entries(read.object("id2label") ?? {});
  const wrong = labels.find(([id, label]) => !/^\d+$/.test(id) || typeof label !== "string");
  check(
    wrong === undefined,
    "config",
    () => `config.json: id2label must give a text for each number; got ${shown(wrong?.[1])} for ${shown(wrong?.[0])}`,
  );
  for (const [label, id] of Object.entries(read.object("label2id") ?? {}))
    check(
      Number.isSafeInteger(id),
      "config",
      () => `config.json: label2id must give a number for each label; got ${shown(id)} for ${shown(label)}`,
    );
}

/** A token has no more experts than there are; each has tensors of its own, or shares one with its layer's others. */
function checkExperts(config: object, tensors: number): void {
  const { experts, numHiddenLayers = 0 } = config as {
    experts?: { count: number; perToken: number };
    numHiddenLayers?: number;
  };
  check(
    experts === undefined || experts.perToken <= experts.count,
    "config",
    () =>
      `config.json: num_experts_per_tok must be at most the ${experts?.count} experts of a layer; got ${experts?.perToken}`,
  );
  const most = Math.max(tensors, MOST_EXPERTS);
  check(
    (experts?.count ?? 0) * numHiddenLayers <= most,
    "config",
    () =>
      `config.json: ${numHiddenLayers} layers of ${experts?.count} experts are more than the ${most} that can be; check that config.json and the weights belong together`,
  );
}
