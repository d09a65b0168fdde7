import { check } from "../../common/index.ts";
import { PythonRandom } from "../python/mersenne.ts";
import { type Doc, docKey } from "./data.ts";
import type { Target, Task, Writing } from "./task.ts";

const endsInSpace = (text: string): boolean => /\p{White_Space}$/u.test(text);
const beginsWithSpace = (text: string): boolean => /^\p{White_Space}/u.test(text);

/** Two texts with a delimiter between them, unless one of them has white space there. */
export function delimited(prefix: string, suffix: string, delimiter: string): string {
  if (prefix === "" || suffix === "") return prefix + suffix;
  return endsInSpace(prefix) || beginsWithSpace(suffix) ? prefix + suffix : prefix + delimiter + suffix;
}

/** An answer as text: that of its index, or the first of several. */
function answerText(target: Target, choices: readonly string[] | undefined, place: string): string {
  let answer: unknown = typeof target === "number" && choices ? choices[target] : target;
  if (Array.isArray(answer)) [answer] = answer;
  check(
    typeof answer === "string",
    "input",
    () => `${place}: the answer of an example must be a text, or the index of a choice; got ${JSON.stringify(target)}`,
  );
  return answer;
}

/** The choice that an example's question names by its index, where choices are questions. */
function questionText(writing: Writing, doc: Doc, place: string): { text: string; choices?: readonly string[] } {
  const text = writing.text(doc);
  const choices = writing.choices?.(doc);
  if (typeof text === "number") {
    const named = choices?.[text];
    check(named !== undefined, "input", () => `${place}: doc_to_text gives ${text}, which is the index of no choice`);
    return { text: named };
  }
  return choices ? { text, choices } : { text };
}

/** An example: its question and its answer. */
function exampleText(task: Task, doc: Doc): string {
  const { example, fewshotDelimiter, path } = task;
  const { text, choices } = questionText(example, doc, path);
  const target = example.target(doc);
  const prefix = example.prefix(doc);
  const hasAnswer = target !== null && (target !== "" || task.writesEmptyAnswers === true);
  const isApart = text !== "" && prefix !== "" && !endsInSpace(text) && !beginsWithSpace(prefix);
  const delimiter = prefix === "" ? hasAnswer : isApart;
  const question = text + (delimiter ? example.targetDelimiter : "");
  if (!hasAnswer) return question + prefix;
  return question + delimited(prefix, answerText(target, choices, path), " ") + fewshotDelimiter;
}

/** The question that is asked, up to the answer. */
export function openQuestion(task: Task, text: string, doc: Doc, targetDelimiter: string): string {
  const prefix = task.item.prefix(doc);
  const isApart = text !== "" && prefix !== "" && !endsInSpace(text) && !beginsWithSpace(prefix);
  return text + (isApart ? targetDelimiter : "") + prefix;
}

/** Chooses the examples of one item after another. */
export class ExampleSampler {
  readonly #task: Task;
  readonly #random: PythonRandom;
  readonly #keys: readonly string[];

  constructor(task: Task, seed: number) {
    this.#task = task;
    this.#random = new PythonRandom(seed);
    this.#keys = task.excludesDoc ? task.pool.map(docKey) : [];
  }

  /** The examples of an item. Items must come in their order, since each draws on. */
  examples(doc: Doc, count: number): readonly Doc[] {
    if (count === 0) return [];
    const { pool, sampler, excludesDoc, path, ownExamples } = this.#task;
    if (ownExamples) return firstOf(ownExamples(doc), count, path);
    const own = excludesDoc ? docKey(doc) : "";
    const others = pool.filter((_, i) => this.#keys[i] !== own || !excludesDoc);
    const drawn = sampler === "default" && excludesDoc ? Math.max(count + 1, 1) : count;
    check(
      count <= others.length && (sampler === "first_n" || drawn <= pool.length),
      "usage",
      () => `${path}: ${count} examples are asked for, but there are ${others.length} to choose from`,
    );
    if (sampler === "first_n") return others.slice(0, count);
    const sample = this.#random.sample(pool, drawn);
    if (!excludesDoc) return sample;
    const kept = sample.filter((example) => docKey(example) !== own).slice(0, count);
    return kept.length < count ? this.#random.sample(others, count) : kept;
  }
}

function firstOf(examples: readonly Doc[], count: number, path: string): readonly Doc[] {
  check(
    count <= examples.length,
    "usage",
    () => `${path}: ${count} examples are asked for, but an item brings only ${examples.length}`,
  );
  return examples.slice(0, count);
}

/** The text before an item's question: the description, then examples. */
export function fewshotText(task: Task, doc: Doc, examples: readonly Doc[]): string {
  return task.description(doc) + examples.map((example) => exampleText(task, example)).join("");
}
