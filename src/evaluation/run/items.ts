import { ExampleSampler, fewshotText, openQuestion } from "../tasks/context.ts";
import type { Doc } from "../tasks/data.ts";
import type { Target, Task } from "../tasks/task.ts";

/** A continuation after a context. */
export interface TextPair {
  /** The text before; empty for an unconditional score. */
  readonly context: string;
  /** The text that is scored, with the delimiter before it. */
  readonly continuation: string;
}

/** One item of a task with its prompt, as the model is asked. */
export interface Item {
  /** The index among the items of the task, from 0. */
  readonly index: number;
  /** The fields of the item, as the data set has them. */
  readonly doc: Doc;
  /** The prompt; of a text that is scored as a whole, nothing. Where choices are questions, that of the first. */
  readonly context: string;
  /** Continuations to score: those of the choices, then unconditional ones, then those after texts without content. */
  readonly pairs: readonly TextPair[];
  /** A text to score as a whole. */
  readonly text?: string;
  /** The texts of the choices; empty for a task without choices. */
  readonly choices: readonly string[];
  /** The right answer: the index of a choice, a text, or several of either. */
  readonly right: Target;
}

/** Options of making prompts. */
export interface ItemOptions {
  /** Examples before each question. */
  readonly shots: number;
  /** The first so many items; undefined: all. */
  readonly limit?: number | undefined;
  /** The seed by which examples are drawn; default 1234, that of lm-evaluation-harness. */
  readonly seed?: number | undefined;
}

/** The seed of lm-evaluation-harness. */
export const DEFAULT_SEED = 1234;

/** The items of a task with their prompts. */
export function itemsOf(task: Task, { shots, limit, seed = DEFAULT_SEED }: ItemOptions): Item[] {
  const sampler = new ExampleSampler(task, seed);
  const docs = task.docs.slice(0, limit);
  const hasQuestionChoices = typeof task.item.text(docs[0] as Doc) === "number";
  return docs.map((doc, index) => {
    const before = fewshotText(task, doc, sampler.examples(doc, shots));
    return hasQuestionChoices ? questionChoices(task, doc, index, before) : plainItem(task, doc, index, before);
  });
}

/** An item whose choices are questions, each before the same continuation. */
function questionChoices(task: Task, doc: Doc, index: number, before: string): Item {
  const { item } = task;
  const choices = item.choices?.(doc) ?? [];
  const continuation = `${item.targetDelimiter}${String(item.target(doc))}`;
  const contexts = choices.map((choice) => before + openQuestion(task, choice, doc, ""));
  const pairs = contexts.map((context) => ({ context, continuation }));
  return { index, doc, context: contexts[0] ?? "", pairs, choices, right: item.text(doc) };
}

function plainItem(task: Task, doc: Doc, index: number, before: string): Item {
  const { item, output, metrics } = task;
  const ask = (own: Doc): string => before + openQuestion(task, String(item.text(own)), own, item.targetDelimiter);
  const right = item.target(doc);
  const context = ask(doc);
  if (output === "loglikelihood") {
    const pairs = [{ context, continuation: String(right) }];
    return { index, doc, context, pairs, choices: [], right };
  }
  if (output === "loglikelihood_rolling")
    return { index, doc, context: "", pairs: [], text: String(right), choices: [], right };
  const choices = item.choices?.(doc) ?? [];
  if (output === "generate_until") return { index, doc, context, pairs: [], choices, right };
  const continuations = choices.map((choice) => item.targetDelimiter + choice);
  const after = (given: string): TextPair[] => continuations.map((continuation) => ({ context: given, continuation }));
  const isUnconditional = metrics.some(({ name }) => name === "acc_mutual_info");
  const free = task.contentFree.map((text) => ask(withoutContent(doc, text)));
  const pairs = [context, ...(isUnconditional ? [""] : []), ...free].flatMap(after);
  return { index, doc, context, pairs, choices, right };
}

/** An item whose texts are one text without content. */
function withoutContent(doc: Doc, text: string): Doc {
  return Object.fromEntries(
    Object.entries(doc).map(([name, value]) => [name, typeof value === "string" ? text : value]),
  );
}
