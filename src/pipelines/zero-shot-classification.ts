import { check } from "../common/index.ts";
import { forwardRows, type Row } from "../inference/index.ts";
import { softmax } from "../tensor/index.ts";
import { type CallOptions, wordList } from "./options.ts";
import { bestOf, labelsOf } from "./scores.ts";
import { parseText, type Task, type TaskContext, windowOf } from "./task.ts";
import { classLogits } from "./text-classification.ts";
import { lastIndexOfRun } from "./windows.ts";

/** Options of `zero-shot-classification`. */
export interface ZeroShotOptions extends CallOptions {
  /** The labels: a list, or a text with commas between them. */
  readonly candidateLabels?: string | readonly string[];
  /** The template that makes a label a statement about the text; `{}` stands for the label. */
  readonly hypothesisTemplate?: string;
  /** True if several labels can apply: each is then scored separately. */
  readonly multiLabel?: boolean;
}

/** The labels of a text, the most probable first. */
export interface ZeroShotResult {
  readonly sequence: string;
  readonly labels: readonly string[];
  readonly scores: readonly number[];
}

/** Classes that the model was never trained for: does the text entail that it is about them (Yin et al., 2019)? */
export const zeroShotClassification: Task<string, ZeroShotOptions, ZeroShotResult> = {
  batchSize: 32,
  options: { candidateLabels: "textOrTexts", hypothesisTemplate: "text", multiLabel: "flag" },
  withSecond: (_, second) => ({ options: { candidateLabels: second } }),
  parse: parseText,
  async run(context, inputs, { candidateLabels, hypothesisTemplate = "This example is {}.", multiLabel = false }) {
    const { model, task } = context;
    const labels = wordList(task, "candidateLabels", candidateLabels);
    check(
      hypothesisTemplate.includes("{}"),
      "usage",
      () => `${task}: hypothesisTemplate needs {} where the label goes; got ${JSON.stringify(hypothesisTemplate)}`,
    );
    const hypotheses = labels.map((label) => hypothesisTemplate.replaceAll("{}", () => label));
    const rows = inputs.flatMap((input) => hypotheses.map((hypothesis) => pairRow(context, input, hypothesis)));
    const onDone = (done: number): void => context.onDone(Math.floor(done / labels.length));
    const logits = await forwardRows(model, rows, { ...context, onDone }, (result, { row }) =>
      classLogits(context, result, row).slice(),
    );
    return inputs.map((sequence, i) => {
      const own = logits.slice(i * labels.length, (i + 1) * labels.length);
      const scores = judge(context, own, multiLabel || labels.length === 1);
      const order = bestOf(scores);
      return {
        sequence,
        labels: order.map((at) => labels[at] as string),
        scores: order.map((at) => scores[at] as number),
      };
    });
  },
};

/** The probability of each hypothesis: against its own contradiction, or among all hypotheses. */
function judge({ model, task }: TaskContext, logits: readonly Float32Array[], separately: boolean): number[] {
  const names = labelsOf(model, logits[0]?.length ?? 0);
  const entailment = names.findIndex((name) => name.toLowerCase().startsWith("entail"));
  check(
    entailment >= 0,
    "unsupported",
    () => `${task}: needs a label entailment (an NLI model); got the labels ${names.join(", ")}`,
  );
  if (!separately) return Array.from(softmax(logits.map((row) => row[entailment] as number)));
  const contradiction = entailment === 0 ? names.length - 1 : 0;
  return logits.map((row) => softmax([row[contradiction] as number, row[entailment] as number])[1] as number);
}

/** Text and hypothesis as the model reads them; what is too long is cut off the text, never off the hypothesis. */
function pairRow(context: TaskContext, text: string, hypothesis: string): Row {
  const { tokenizer, task } = context;
  const { ids, typeIds } = tokenizer.encode(text, { pair: hypothesis });
  const over = ids.length - windowOf(context);
  if (over <= 0) return { ids, typeIds };
  const first = tokenizer.encode(text, { addSpecialTokens: false }).ids;
  const second = tokenizer.encode(hypothesis, { addSpecialTokens: false }).ids;
  const end = lastIndexOfRun(ids.slice(0, lastIndexOfRun(ids, second)), first) + first.length;
  check(
    over < first.length,
    "input",
    () => `${task}: the hypothesis ${JSON.stringify(hypothesis)} leaves no room for the text: shorten the label`,
  );
  const keep = (_: unknown, at: number): boolean => at < end - over || at >= end;
  return { ids: ids.filter(keep), typeIds: typeIds.filter(keep) };
}
