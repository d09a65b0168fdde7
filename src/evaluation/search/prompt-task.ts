import { check, LecternError, shown } from "../../common/index.ts";
import type { AnyPrompt, Values } from "../../prompting/index.ts";
import type { Message, Tokenizer } from "../../tokenizers/index.ts";
import { filterPipeline, TAKE_FIRST } from "../tasks/filters.ts";
import { answerGeneration } from "../tasks/generation.ts";
import type { Task, Writing } from "../tasks/task.ts";
import { metricUses } from "../tasks/task-metrics.ts";

/** The items that a prompt is evaluated on, with their metric. */
export interface PromptTaskOptions {
  /** The rows that are asked, each with values of the answer's variables, too. Other columns are left out. */
  readonly rows: readonly Values[];
  /** The rows of the examples, in the order in which they are written; default none. */
  readonly examples?: readonly Values[] | undefined;
  /** The model's tokenizer, whose chat template a chat is written in. */
  readonly tokenizer?: Tokenizer | undefined;
  /** A metric of the task; default `acc` where the answer is one of an enum, else `exact_match`. */
  readonly metric?: string | undefined;
  /** The tokens of a generated answer at most; default 32. */
  readonly maxNewTokens?: number | undefined;
}

/** Texts that stand in for a row's, to measure the bias towards each choice (Zhao et al., 2021). */
const CONTENT_FREE = ["N/A", "[MASK]", ""];

/**
 * A prompt with its examples as a task that `evaluate` runs. If the answer has one variable with an enum, its values are
 * choices, scored by log-likelihood; else the answer is generated and compared.
 *
 * @throws LecternError for no rows, and for a row without a value that the prompt needs
 */
export function promptTask(prompt: AnyPrompt, options: PromptTaskOptions): Task {
  const { tokenizer, metric, maxNewTokens } = options;
  check(options.rows.length > 0, "input", () => `${prompt.name}: there are no rows to evaluate it on`);
  const rows = options.rows.map((row) => prompt.pick(row));
  const examples = (options.examples ?? []).map((row) => prompt.pick(row));
  const read = askedBy(prompt);
  const asked = (row: Values): Values => Object.fromEntries(Object.entries(row).filter(([name]) => read.has(name)));
  const write = (text: string): string => (prompt.isChat ? text.trim() : text);
  const answers = rows.map((row) => write(answerOf(prompt, row)));
  const label = labelVariable(prompt);
  const output = label === undefined ? "generate_until" : "multiple_choice";
  const choices = (row: Values): string[] =>
    label === undefined
      ? []
      : label.values.map((value) => write(prompt.example({ ...row, [label.name]: value }).answer));
  const writing: Writing = {
    text: (row) => contextOf(prompt, asked(row), examples, tokenizer),
    target: (row) => {
      const own = write(prompt.example(row).answer);
      return label === undefined ? own.trim() : choices(row).indexOf(own);
    },
    choices: label === undefined ? undefined : choices,
    prefix: () => "",
    targetDelimiter: "",
  };
  const end = answers.some((answer) => answer.trim().includes("\n")) ? prompt.separator : "\n";
  return {
    name: prompt.definition.name ?? "prompt",
    path: prompt.name,
    output,
    docs: rows,
    pool: [],
    sampler: "default",
    excludesDoc: false,
    item: writing,
    example: writing,
    fewshotDelimiter: prompt.separator,
    description: () => "",
    shots: 0,
    generation:
      label === undefined
        ? answerGeneration({ until: end, max_gen_toks: maxNewTokens ?? 32 }, end, prompt.name)
        : undefined,
    repeats: 1,
    filters:
      label === undefined
        ? [filterPipeline("none", [{ function: "strip" }, { function: "take_first" }], prompt.name)]
        : [TAKE_FIRST],
    metrics: metricUses([{ metric: metric ?? (label === undefined ? "exact_match" : "acc") }], output, prompt.name),
    contentFree: metric === "acc_calibrated" ? CONTENT_FREE : [],
    warnings: [],
  };
}

/** The variables that the question reads. */
const askedBy = (prompt: AnyPrompt): ReadonlySet<string> =>
  new Set([...prompt.reads("template"), ...prompt.reads("instruction")]);

/** The variable that only the answer reads, where it has an enum. */
function labelVariable(prompt: AnyPrompt): { readonly name: string; readonly values: readonly unknown[] } | undefined {
  const [name, ...others] = prompt.reads("answer").filter((variable) => !askedBy(prompt).has(variable));
  const values = name === undefined ? undefined : prompt.variables.get(name)?.enum;
  return name === undefined || others.length > 0 || !values ? undefined : { name, values };
}

function answerOf(prompt: AnyPrompt, row: Values): string {
  try {
    return prompt.example(row).answer;
  } catch (cause) {
    if (!(cause instanceof LecternError)) throw cause;
    throw new LecternError(cause.code, `${shown(row)}: ${cause.message}`, { cause });
  }
}

function contextOf(
  prompt: AnyPrompt,
  row: Values,
  examples: readonly Values[],
  tokenizer: Tokenizer | undefined,
): string {
  const { text, messages } = prompt.render(row, examples);
  if (text !== undefined) return text;
  check(tokenizer?.hasChatTemplate, "input", () => `${prompt.name} is a chat, and the model has no chat template`);
  return tokenizer.applyChatTemplate(messages as readonly Message[]);
}
