import { check, LecternError } from "../common/index.ts";
import { type Architecture, type OwnFamily, readConfig, wrapperNotice } from "../families/index.ts";
import type { FileSource } from "../files/index.ts";
import { type Checkpoint, openCheckpoint } from "../formats/index.ts";
import { forwardGraph } from "./forward-graph.ts";
import { type GenerationRuntime, runtimeOf } from "./kinds/index.ts";
import { ownQuantization, QuantizedCheckpoint } from "./quantized-directory.ts";
import { readJsonFile } from "./read-json-file.ts";
import { namesWithoutCopies } from "./tied-copies.ts";
import { settleTying } from "./tied-embeddings.ts";
import { parametersOf, Weights } from "./weights.ts";

export { readJsonFile };

/** A model's settings and weights, read and checked against each other; nothing computed yet. */
export interface ModelFiles {
  readonly architecture: Architecture;
  readonly json: Readonly<Record<string, unknown>>;
  readonly weights: Weights;
}

export interface OpenedModelFiles extends ModelFiles {
  /** Warnings about files that are used all the same. */
  readonly warnings: readonly string[];
}

/** Opens a Hugging Face directory with all its weights as floats. @param own families of the caller */
export async function openModelFiles(files: FileSource, own: readonly OwnFamily[] = []): Promise<OpenedModelFiles> {
  const opened = await openStoredModel(files, own);
  return { ...opened, weights: await opened.weights.expanded() };
}

/** Opens a Hugging Face directory; weights that the checkpoint has in few bits are pending. @param families of the caller */
export async function openStoredModel(
  files: FileSource,
  families: readonly OwnFamily[] = [],
): Promise<OpenedModelFiles> {
  const said = await readJsonFile(files, "config.json");
  const own = ownQuantization(files.location, said);
  const stored = await openCheckpoint(files);
  const ours = own && new QuantizedCheckpoint(stored, own, files.location);
  const { json, checkpoint, copies, warnings } = await settleTying(files, said, ours ?? stored, families);
  const { architecture, names } = await architectureOf(json, checkpoint, families);
  const quantized = ours?.parts(files);
  const weights = new Weights(files, checkpoint, architecture.family.checkpoint, { quantized });
  check(
    architecture.family.checkpoint.linearLayout !== "in-out" || !weights.hasPublished,
    "unsupported",
    () =>
      `${files.location}: quantized checkpoints of ${architecture.family.name}, whose matrices are [inputs, outputs], are not read; load the original float checkpoint`,
  );
  const parameters = parametersOf(Object.values(forwardGraph(architecture).heads));
  const extra = weights
    .verify([...parameters.values()])
    .filter((name) => names.includes(name) && !copies.includes(name));
  const notice = wrapperNotice(json, files.location);
  const notices = [...warnings, ...(notice ? [notice] : []), ...unusedWarning(files, architecture, extra)];
  return { architecture, json, weights, warnings: notices };
}

/** The number of tensors that a warning names. */
const NAMED = 3;

function unusedWarning({ location }: FileSource, { family }: Architecture, extra: readonly string[]): string[] {
  if (extra.length === 0) return [];
  const rest = extra.length > NAMED ? `, and ${extra.length - NAMED} more` : "";
  const count = extra.length === 1 ? "a tensor" : `${extra.length} tensors`;
  return [
    `${location}: the checkpoint holds ${count} that config.json does not ask for and this ${family.name} ignores: ${extra.slice(0, NAMED).join(", ")}${rest}; check that both belong together`,
  ];
}

/** The architecture of a config and a checkpoint, and its tensors; where both tie tables, copies of one count once. */
async function architectureOf(
  json: Readonly<Record<string, unknown>>,
  checkpoint: Checkpoint,
  own: readonly OwnFamily[],
): Promise<{ readonly architecture: Architecture; readonly names: readonly string[] }> {
  const all = checkpoint.names();
  const architecture = readConfig(json, all, own);
  const ties = json.tie_word_embeddings !== false || /^m?t5$/.test(String(json.model_type));
  if (!runtimeOf(architecture).tables.ignoresCopies || !ties) return { architecture, names: all };
  const names = await namesWithoutCopies(checkpoint);
  return { architecture: names.length === all.length ? architecture : readConfig(json, names, own), names };
}

/** The generation of a model that generates text; other models are refused. */
export function generating({ architecture }: ModelFiles): GenerationRuntime {
  const { name } = architecture.family;
  const { head, generation } = runtimeOf(architecture);
  if (!generation)
    throw new LecternError(
      "unsupported",
      `${name} is an encoder: it reads text and does not generate any; use forward`,
    );
  if (head.kind !== "lm") {
    const yields = head.kind === "none" ? "has no head" : "has no head that scores words";
    throw new LecternError("unsupported", `this ${name} ${yields} and does not generate text; use forward`);
  }
  return generation;
}
