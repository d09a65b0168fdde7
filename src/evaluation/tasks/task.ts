import type { Doc } from "./data.ts";
import type { FilterPipeline } from "./filters.ts";
import type { MetricUse } from "./task-metrics.ts";

/** The kind of request that a task makes, by the names of lm-evaluation-harness. */
export type OutputType = "loglikelihood" | "loglikelihood_rolling" | "multiple_choice" | "generate_until";

/** The right answer of an item: the index of a choice, a text, or several of either. */
export type Target = number | string | readonly (number | string)[] | null;

/** The way in which an item is written. */
export interface Writing {
  /** The question; where the choices are questions, the index of the right one. */
  readonly text: (doc: Doc) => string | number;
  /** The right answer. */
  readonly target: (doc: Doc) => Target;
  /** The answers to choose from; undefined for a task without choices. */
  readonly choices: ((doc: Doc) => readonly string[]) | undefined;
  /** The beginning of the answer that is given. */
  readonly prefix: (doc: Doc) => string;
  /** Between a question and its answer. */
  readonly targetDelimiter: string;
}

/** The generation of an answer. */
export interface AnswerGeneration {
  /** Texts before which an answer ends. */
  readonly until: readonly string[];
  /** The tokens of an answer at most. */
  readonly maxTokens: number;
  /** Generation options, by their names in `generation_config.json`. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** A task: items, how a prompt is made of them, and the metrics of the answers. */
export interface Task {
  /** The name that results are reported under. */
  readonly name: string;
  /** The file it was read from. */
  readonly path: string;
  /** The kind of request: scores of choices, of a continuation or of a whole text, or generation. */
  readonly output: OutputType;
  /** The items that are evaluated. */
  readonly docs: readonly Doc[];
  /** The items that examples are taken from. */
  readonly pool: readonly Doc[];
  /** The examples that an item brings along, in place of the pool; undefined for a task with a pool. */
  readonly ownExamples?: ((doc: Doc) => readonly Doc[]) | undefined;
  /** `default`: examples are drawn by the seed; `first_n`: the first of the pool. */
  readonly sampler: "default" | "first_n";
  /** True if an item is never an example of its own prompt. */
  readonly excludesDoc: boolean;
  /** The writing of the item that is asked. */
  readonly item: Writing;
  /** The writing of the examples before it. */
  readonly example: Writing;
  /** True if an example with an empty answer is written like any other; lm-evaluation-harness leaves its question open. */
  readonly writesEmptyAnswers?: boolean;
  /** Behind an example. */
  readonly fewshotDelimiter: string;
  /** The text before all examples. */
  readonly description: (doc: Doc) => string;
  /** The number of examples where the caller names none. */
  readonly shots: number;
  /** The settings of generated answers; undefined for a task that scores. */
  readonly generation: AnswerGeneration | undefined;
  /** Answers generated for an item. */
  readonly repeats: number;
  /** Pipelines of filters, each with results of its own for every metric. */
  readonly filters: readonly FilterPipeline[];
  /** The metrics, the main one first. */
  readonly metrics: readonly MetricUse[];
  /** Texts without content that stand in for an item's fields, to measure the bias towards each choice. */
  readonly contentFree: readonly string[];
  /** Bootstrap resamples of standard errors where the caller names no number; default 100,000. */
  readonly resamples?: number | undefined;
  /** True if scores may differ from those of lm-evaluation-harness, with reasons. */
  readonly warnings: readonly string[];
}

/** Several tasks with one name. */
export interface TaskGroup {
  /** The name that tasks and means are reported under. */
  readonly name: string;
  /** The tasks, and groups within the group. */
  readonly tasks: readonly (Task | TaskGroup)[];
  /** Means over the tasks. */
  readonly aggregates: readonly GroupAggregate[];
}

/** A mean of a metric over the tasks of a group. */
export interface GroupAggregate {
  /** The name of the metric, without that of a filter. */
  readonly metric: string;
  /** The filters whose results are averaged; undefined: all. */
  readonly filters: readonly string[] | undefined;
  /** True if a task counts by its number of items. */
  readonly isWeighted: boolean;
}

/** True for a group, false for a single task. */
export const isGroup = (entry: Task | TaskGroup): entry is TaskGroup => "tasks" in entry;

/** The tasks of a group and of the groups within it. */
export function leaves(entry: Task | TaskGroup): Task[] {
  return isGroup(entry) ? entry.tasks.flatMap(leaves) : [entry];
}
