import { LecternError } from "../common/index.ts";
import { openCheckpoint } from "../formats/index.ts";
import { type Architecture, readConfig } from "../models/index.ts";
import type { FileSource } from "../runtime/index.ts";
import { passGraph } from "./pass-graph.ts";
import { readJsonFile } from "./read-json-file.ts";
import { parametersOf, Weights } from "./weights.ts";

export { readJsonFile };

/** A model's settings and weights, read and checked against each other; nothing computed yet. */
export interface ModelFiles {
  readonly architecture: Architecture;
  readonly json: Readonly<Record<string, unknown>>;
  readonly weights: Weights;
}

/** Opens a Hugging Face directory. */
export async function openModelFiles(files: FileSource): Promise<ModelFiles> {
  const json = await readJsonFile(files, "config.json");
  const checkpoint = await openCheckpoint(files);
  const architecture = readConfig(json, checkpoint.names());
  const weights = new Weights(files, checkpoint, architecture.family.checkpoint);
  const parameters = parametersOf(Object.values(passGraph(architecture).heads));
  const tied = architecture.config.tieWordEmbeddings ? ["lm_head.weight", "embed_out.weight"] : [];
  weights.verify([...parameters.values()], new Set(tied));
  return { architecture, json, weights };
}

/** The architecture of a model that generates text; another kind is refused. */
export function generating({ architecture }: ModelFiles): Exclude<Architecture, { kind: "encoder" }> {
  const { kind, family, config } = architecture;
  if (kind === "encoder")
    throw new LecternError(
      "unsupported",
      `${family.name} is an encoder: it reads text and does not generate any; use forward`,
    );
  if (kind === "encoder-decoder" && config.head.kind !== "words")
    throw new LecternError("unsupported", `this ${family.name} tells classes and does not generate text; use forward`);
  return architecture;
}
