import { arrayEqual, check } from "../../common/index.ts";
import { type Architecture, readConfig } from "../../families/index.ts";
import { openDirectory, withoutTensors } from "../../formats/index.ts";
import {
  checkTrainableEmbeddings,
  generating,
  type Json,
  type ModelFiles,
  openModelFiles,
  Weights,
  withHead,
  withLabels,
} from "../../inference/index.ts";
import { headLabels } from "../data/labels.ts";
import { kindsOf, needsLmHead } from "../tasks/kinds.ts";
import type { TrainingTaskName } from "../tasks/task-names.ts";

/** The ending of `architectures` for a task, and PEFT's name of it. */
export const heads: Readonly<
  Record<TrainingTaskName, { readonly ending: string | undefined; readonly taskType: string }>
> = {
  "text-classification": { ending: "ForSequenceClassification", taskType: "SEQ_CLS" },
  "token-classification": { ending: "ForTokenClassification", taskType: "TOKEN_CLS" },
  "question-answering": { ending: "ForQuestionAnswering", taskType: "QUESTION_ANS" },
  "fill-mask": { ending: "ForMaskedLM", taskType: "FEATURE_EXTRACTION" },
  "text-generation": { ending: undefined, taskType: "CAUSAL_LM" },
  "text2text-generation": { ending: undefined, taskType: "SEQ_2_SEQ_LM" },
  "sentence-similarity": { ending: "Model", taskType: "FEATURE_EXTRACTION" },
  reward: { ending: "ForSequenceClassification", taskType: "SEQ_CLS" },
  preference: { ending: undefined, taskType: "CAUSAL_LM" },
};

const articled = (noun: string): string => `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;

/** Opens a model with the head that a task needs, where it has another or none. */
export async function openForTask(
  directory: string,
  name: TrainingTaskName,
  labels: readonly string[],
): Promise<ModelFiles> {
  const files = await openDirectory(directory);
  if (name === "sentence-similarity") await checkTrainableEmbeddings(files);
  const base = await openModelFiles(files);
  const { json: own } = base;
  const json = configFor(own, name, labels);
  const keepsHead = labels.length === 0 || arrayEqual(headLabels(own, heads[name].ending) ?? [], labels);
  const architecture = architectureFor(name, json, base);
  if (needsLmHead(architecture, name)) generating(base);
  const checkpoint = keepsHead ? base.weights.checkpoint : withoutTensors(base.weights.checkpoint, CLASSES);
  return {
    architecture,
    json,
    weights: new Weights(files, checkpoint, architecture.family.checkpoint, { quantized: base.weights.quantized }),
  };
}

/** The model with a task's head. @throws by its kind where that cannot learn the task, whether or not it has such a head */
function architectureFor(name: TrainingTaskName, json: Json, base: ModelFiles): Architecture {
  const kinds = kindsOf(name);
  const checkKind = ({ kind, family }: Architecture): void =>
    check(
      kinds.includes(kind),
      "usage",
      () => `finetune: ${family.name} is ${articled(kind)}; ${name} needs ${kinds.map(articled).join(" or ")}`,
    );
  try {
    const architecture = readConfig(json, base.weights.checkpoint.names());
    checkKind(architecture);
    return architecture;
  } catch (error) {
    checkKind(base.architecture);
    throw error;
  }
}

/** The layers of a head that have a row for each class, and go where the classes are others, even if these are as many. */
const CLASSES = /(^|\.)(classifier|score)(\.out_proj)?\.(weight|bias)$/;

/** `config.json` with the head and the classes that a task needs. */
function configFor(own: Json, name: TrainingTaskName, labels: readonly string[]): Json {
  const { ending } = heads[name];
  const json = ending === undefined ? own : withHead(own, ending);
  if (labels.length > 0) return { ...withLabels(json, labels), problem_type: "single_label_classification" };
  if (name !== "reward") return json;
  const { problem_type, ...others } = withLabels(json, ["reward"]);
  return others;
}
