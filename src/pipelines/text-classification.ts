import { check, shown } from "../common/index.ts";
import { type ForwardResult, forwardRows, type Model } from "../inference/index.ts";
import { softmax } from "../tensor/index.ts";
import type { CallOptions } from "./options.ts";
import { bestOf, labelsOf, sigmoid } from "./scores.ts";
import { describe, lacksHead, maxLengthOf, type Task, type TaskContext, textField } from "./task.ts";

/** A class with its probability. */
export interface LabelScore {
  /** The label. */
  readonly label: string;
  /** Its probability. */
  readonly score: number;
}

/** Two texts that are judged together. */
export interface TextPair {
  /** The first text, such as a premise. */
  readonly text: string;
  /** The second text, such as a hypothesis; encoded after the first as its pair. */
  readonly textPair: string;
}

/** Options of `text-classification`. */
export interface TextClassificationOptions extends CallOptions {
  /** The number of labels, the best first; null: all. Without it, each text gets its best label alone. */
  readonly topK?: number | null;
  /** The activation of the head's scores; default as the checkpoint's `problem_type` says. */
  readonly functionToApply?: "sigmoid" | "softmax" | "none";
}

/** The classes of texts, by the head that the model was fine-tuned with. */
export const textClassification: Task<string | TextPair, TextClassificationOptions, LabelScore | LabelScore[]> = {
  defaultModel: "sentiment",
  batchSize: 32,
  options: { topK: "countOrNull", functionToApply: "activation" },
  parse(input, place) {
    if (typeof input === "string") return input;
    check(
      typeof input === "object" && input !== null,
      "input",
      () => `${place} must be a text; got ${describe(input)}`,
    );
    return { text: textField(input, "text", place), textPair: textField(input, "textPair", place) };
  },
  async run(context, inputs, { topK, functionToApply }) {
    const all = await classScores(context, inputs, functionToApply);
    return all.map((scores) => (topK === undefined ? (scores[0] as LabelScore) : scores.slice(0, topK ?? undefined)));
  },
  one: (output) => (Array.isArray(output) ? output : [output]),
};

/** All classes of each text, the most probable first. */
async function classScores(
  context: TaskContext,
  inputs: readonly (string | TextPair)[],
  activation?: TextClassificationOptions["functionToApply"],
  window = Number.POSITIVE_INFINITY,
): Promise<LabelScore[][]> {
  const { model, tokenizer } = context;
  const { maxLength = Number.POSITIVE_INFINITY } = maxLengthOf(context);
  const bound = Math.min(maxLength, window) < Number.POSITIVE_INFINITY ? { maxLength: Math.min(maxLength, window) } : {};
  const rows = inputs.map((input) =>
    typeof input === "string"
      ? tokenizer.encode(input, bound)
      : tokenizer.encode(input.text, { pair: input.textPair, ...bound }),
  );
  return forwardRows(model, rows, context, (result, { row }) => {
    const logits = classLogits(context, result, row);
    const labels = labelsOf(model, logits.length);
    const scores = activate(logits, activation ?? activationOf(model, logits.length));
    return bestOf(scores).map((id) => ({ label: labels[id] as string, score: scores[id] as number }));
  });
}

/** The result of a classification head for one text. */
export function classLogits(context: TaskContext, { logits }: ForwardResult, row: number): Float32Array {
  if (logits?.shape.length !== 2 || /PreTraining$/.test(String((context.model.config.architectures as string[])?.[0])))
    throw lacksHead(context, "sequence classification");
  const size = logits.shape[1] as number;
  return logits.data.subarray(row * size, (row + 1) * size);
}

function activationOf({ config }: Model, count: number): NonNullable<TextClassificationOptions["functionToApply"]> {
  const { problem_type: problem } = config as { problem_type?: string };
  if (problem === "regression") return "none";
  return problem === "multi_label_classification" || count === 1 ? "sigmoid" : "softmax";
}

function activate(row: Float32Array, activation: "sigmoid" | "softmax" | "none"): number[] {
  if (activation === "none") return Array.from(row);
  return activation === "sigmoid" ? sigmoid(row) : Array.from(softmax(row));
}

/** Options of {@link classifyTexts}. */
export interface ClassifyTextsOptions {
  /** Texts computed at once; default 32. */
  readonly batchSize?: number | undefined;
  /** Tokens of a text at most, which is cut at its end; default what the model takes. */
  readonly window?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** All classes of each text, the most probable first, by the head that the model was fine-tuned with. */
export async function classifyTexts(
  model: Model,
  texts: readonly (string | TextPair)[],
  { batchSize = textClassification.batchSize, window, signal }: ClassifyTextsOptions = {},
): Promise<LabelScore[][]> {
  check(Array.isArray(texts), "usage", () => `classify: the texts must be a list of texts; got ${shown(texts)}`);
  const { tokenizer } = model;
  check(tokenizer, "input", () => "classify: this model's directory has no tokenizer");
  const context = { model, tokenizer, task: "classify", batchSize };
  const inputs = texts.map((text, i) => textClassification.parse(text, `classify: text ${i}`));
  return classScores({ ...context, signal, onDone: () => {} }, inputs, undefined, window);
}
