import { LecternError } from "../common/index.ts";
import { openCheckpoint } from "../formats/index.ts";
import { type DecoderConfig, type Family, readConfig } from "../models/index.ts";
import type { FileSource } from "../runtime/index.ts";
import { fullGraph } from "./model-graph.ts";
import { parametersOf, Weights } from "./weights.ts";

/** A model's settings and weights, read and checked against each other; nothing computed yet. */
export interface ModelFiles {
  readonly family: Family;
  readonly config: DecoderConfig;
  readonly json: Readonly<Record<string, unknown>>;
  readonly weights: Weights;
}

/** Opens a Hugging Face directory. */
export async function openModelFiles(files: FileSource): Promise<ModelFiles> {
  const json = await readJsonFile(files, "config.json");
  const { family, config } = readConfig(json);
  const weights = new Weights(files, await openCheckpoint(files), family.checkpoint);
  const parameters = parametersOf([fullGraph(family, config).logits]);
  weights.verify(
    [...parameters.values()],
    config.tieWordEmbeddings ? new Set(["lm_head.weight", "embed_out.weight"]) : new Set(),
  );
  return { family, config, json, weights };
}

/** A JSON object of the directory; damaged ones are named. */
export async function readJsonFile(files: FileSource, name: string): Promise<Record<string, unknown>> {
  const text = await files.readText(name);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new LecternError("file", `${files.location}: ${name} is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new LecternError("file", `${files.location}: ${name} must hold an object`);
  return value as Record<string, unknown>;
}
