import { LecternError, ownEntry } from "../../common/index.ts";
import { type Architecture, readConfig } from "../../families/index.ts";
import type { FileSource } from "../../files/index.ts";
import { type Checkpoint, openDirectory, type TensorInfo } from "../../formats/index.ts";
import { forwardGraph } from "../forward-graph.ts";
import { defaultLabels, type Json, withHead, withLabels } from "../head-config.ts";
import { locateBase } from "../locate-base.ts";
import { type OpenedModelFiles, openStoredModel, readJsonFile } from "../model-files.ts";
import { parametersOf, Weights } from "../weights.ts";
import { type Adapter, openAdapterFile, readAdapter } from "./adapters.ts";

/** The ending of `architectures` for the head that an adapter of a task brings. */
const endings: Readonly<Record<string, string>> = {
  SEQ_CLS: "ForSequenceClassification",
  TOKEN_CLS: "ForTokenClassification",
  QUESTION_ANS: "ForQuestionAnswering",
};

/** `config.json` with the head that an adapter holds, where it says another: as many labels as the head has rows. */
async function configWithHead(json: Json, files: FileSource): Promise<Json> {
  const { task_type: task } = await readJsonFile(files, "adapter_config.json");
  const ending = ownEntry(endings, task);
  const last = ending === undefined ? undefined : lastOfHead(await openAdapterFile(files));
  if (ending === undefined || last === undefined) return json;
  const [named = ""] = (json.architectures ?? []) as string[];
  const headed = named.endsWith(ending) ? json : withHead(json, ending);
  const [rows] = last.shape as [number];
  if (task === "QUESTION_ANS" || labelCount(json) === rows) return headed;
  return withLabels(headed, defaultLabels(rows));
}

/** The last layer of the head that an adapter holds. */
function lastOfHead(checkpoint: Checkpoint): TensorInfo | undefined {
  const names = ["classifier.out_proj", "classifier", "score", "qa_outputs"];
  const found = names.map((name) => `base_model.model.${name}.weight`).find((name) => checkpoint.has(name));
  return found === undefined ? undefined : checkpoint.info(found);
}

/** The number of classes in `config.json`; transformers' default is two. */
const labelCount = ({ num_labels, id2label }: Json): unknown =>
  num_labels ?? (id2label ? Object.keys(id2label).length : 2);

/**
 * Opens a directory with an adapter alone: its base, with the head and the labels that its own `config.json` says, or
 * else the adapter's own head.
 *
 * @param location of the base, where it is known already
 */
export async function openAdapted(
  files: FileSource,
  location?: string,
): Promise<OpenedModelFiles & { readonly adapter: Adapter; readonly base: Architecture }> {
  const named = location ?? (await locateBase(files));
  const baseFiles = await openDirectory(named);
  const base = await openStoredModel(baseFiles);
  const hasConfig = await files.has("config.json");
  const untied = base.json.tie_word_embeddings === false && { tie_word_embeddings: false };
  const own = hasConfig ? { ...(await readJsonFile(files, "config.json")), ...untied } : base.json;
  const json = await configWithHead(own, files);
  const architecture = readConfig(json, base.weights.checkpoint.names());
  const weights = new Weights(baseFiles, base.weights.checkpoint, architecture.family.checkpoint, {
    quantized: base.weights.quantized,
  });
  const adapter = await readAdapter(files.location, architecture);
  const missing = [...parametersOf(Object.values(forwardGraph(architecture).heads)).keys()].find(
    (path) => !weights.has(path) && !adapter.parameters[path],
  );
  if (missing !== undefined)
    throw new LecternError(
      "config",
      `${files.location}: neither the base ${named} nor the adapter has ${missing}; give the base that it was trained with, or train with the module in modules_to_save`,
    );
  return { architecture, json, weights, adapter, base: base.architecture, warnings: base.warnings };
}
