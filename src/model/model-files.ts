import { LecternError } from "../common/index.ts";
import { type Checkpoint, openCheckpoint } from "../formats/index.ts";
import { type Architecture, readConfig } from "../models/index.ts";
import type { FileSource } from "../runtime/index.ts";
import { passGraph } from "./pass-graph.ts";
import { namesWithoutCopies } from "./tied-copies.ts";
import { parametersOf, Weights } from "./weights.ts";

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
  const architecture = await architectureOf(json, checkpoint);
  const weights = new Weights(files, checkpoint, architecture.family.checkpoint);
  const parameters = parametersOf(Object.values(passGraph(architecture).heads));
  const tied = architecture.config.tieWordEmbeddings ? ["lm_head.weight", "embed_out.weight"] : [];
  weights.verify([...parameters.values()], new Set(tied));
  return { architecture, json, weights };
}

/** The architecture of a config and a checkpoint; where both say that tables are tied, copies of one count once. */
async function architectureOf(json: Readonly<Record<string, unknown>>, checkpoint: Checkpoint): Promise<Architecture> {
  const architecture = readConfig(json, checkpoint.names());
  const isReader = architecture.kind === "encoder" || architecture.kind === "encoder-decoder";
  const ties = json.tie_word_embeddings !== false || /^m?t5$/.test(String(json.model_type));
  if (!isReader || !ties) return architecture;
  const names = await namesWithoutCopies(checkpoint);
  return names.length === checkpoint.names().length ? architecture : readConfig(json, names);
}

/** The architecture of a model that generates text; another kind is refused. */
export function generating({ architecture }: ModelFiles): Exclude<Architecture, { kind: "encoder" }> {
  const { kind, family, config } = architecture;
  if (kind === "encoder")
    throw new LecternError(
      "unsupported",
      `${family.name} is an encoder: it reads text and does not generate any; use forward`,
    );
  if ((kind === "encoder-decoder" || kind === "decoder") && config.head.kind !== "words") {
    const yields = config.head.kind === "none" ? "has no head" : "gives classes";
    throw new LecternError("unsupported", `this ${family.name} ${yields} and does not generate text; use forward`);
  }
  return architecture;
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
