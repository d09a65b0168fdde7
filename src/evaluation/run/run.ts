import { join } from "node:path";
import { check, checkFields, type Rule, rules, throwIfAborted } from "../../common/index.ts";
import { writeFileAtomic } from "../../files/node.ts";
import type { Model } from "../../inference/index.ts";
import { type Interval, meanInterval, shareInterval } from "../statistics/intervals.ts";
import { type AggregationName, type Estimate, estimate, rangeOf } from "../tasks/aggregation.ts";
import { docKey, plainDoc } from "../tasks/data.ts";
import { argmax, type Outcome, softmax } from "../tasks/outcome.ts";
import type { Task } from "../tasks/task.ts";
import { type Confusion, confusionOf } from "./confusion.ts";
import { DEFAULT_SEED, type Item, itemsOf } from "./items.ts";
import { outcomesOf } from "./outcomes.ts";
import { type PassRates, passRates } from "./pass-rates.ts";
import { type Response, respond } from "./responses.ts";
import { hashOf, type ItemRecord, modelFingerprint, RunStore } from "./store.ts";
import { rougeWarnings, signaturesOf } from "./text-metrics.ts";

/** Options of evaluating a model on a task. */
export interface EvaluateOptions {
  /** Examples before each question; default the task's own. */
  readonly shots?: number | undefined;
  /** The first so many items; default all. */
  readonly limit?: number | undefined;
  /** The seed by which examples are drawn, and answers are sampled; default 1234. */
  readonly seed?: number | undefined;
  /** Answers sampled for each item. */
  readonly repeats?: number | undefined;
  /** Generation options in place of the task's, by their names in `generation_config.json`. */
  readonly generation?: Readonly<Record<string, unknown>> | undefined;
  /** Rows of a batch at most; default 32. */
  readonly batchSize?: number | undefined;
  /** Another way to answer than by likelihoods or generation, such as a classification head. */
  readonly answering?: Answering | undefined;
  /** Bootstrap resamples of standard errors at most; default the task's: 1,000, or 100,000 for a file of lm-evaluation-harness. */
  readonly resamples?: number | undefined;
  /** The folder of the run: items that are there are not computed again, and summary.json is written. */
  readonly folder?: string | undefined;
  /** Cancels the run; chunks that are in the folder stay. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of items that are answered, and with the number of all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

const optionRules: Readonly<Record<keyof EvaluateOptions, Rule>> = {
  shots: rules.size,
  limit: rules.count,
  seed: rules.size,
  repeats: rules.count,
  generation: rules.object,
  batchSize: rules.count,
  answering: rules.object,
  resamples: rules.size,
  folder: rules.name,
  signal: rules.signal,
  onProgress: rules.function,
};

/** A way to answer items. */
export interface Answering {
  /** A name that differs between ways that answer differently. */
  readonly name: string;
  /** The responses to items, in their order. */
  readonly respond: (model: Model, items: readonly Item[], options: AnsweringOptions) => Promise<Response[]>;
}

/** Options of answering items. */
export interface AnsweringOptions {
  /** Items computed at once, at most. */
  readonly batchSize?: number | undefined;
  /** Cancels the computation. */
  readonly signal?: AbortSignal | undefined;
}

/** A metric over all items. */
export interface MetricResult extends Estimate {
  /** The interval of 95 %: Wilson's of a share, else by the standard error; null where there is none. */
  readonly interval: Interval | null;
}

/** The result of a model on a task. */
export interface RunResult {
  /** The name of the task. */
  readonly task: string;
  /** The location that the model was loaded from. */
  readonly model: string;
  /** A hash of the model's files and of its precision: 32 hexadecimal digits. */
  readonly fingerprint: string;
  /** The number of examples before each question. */
  readonly shots: number;
  /** The seed by which examples were drawn, and answers sampled. */
  readonly seed: number;
  /** The number of items. */
  readonly n: number;
  /** By the metric's name, and behind a comma the filter's, if it is not the one without a name. */
  readonly metrics: Readonly<Record<string, MetricResult>>;
  /** The settings of BLEU and chrF, as sacreBLEU writes them. */
  readonly signatures?: Readonly<Record<string, string>>;
  /** Counts by right and predicted choice, where all items have the same choices. */
  readonly confusion?: Confusion;
  /** pass@k and pass^k, where several answers were sampled for each item. */
  readonly passRates?: PassRates;
  /** Reasons why figures may mislead: those of the task, cut prompts, and right answers that are no choice. */
  readonly warnings: readonly string[];
}

/** A result with its items. */
export interface Run extends RunResult {
  /** The items in the order of the task, with answers and scores. */
  readonly items: readonly ItemRecord[];
  /** The values of which each metric is made, by its name as in `metrics`. */
  readonly values: Readonly<Record<string, MetricValues>>;
}

/** A metric's value of each item, of which it is made. */
export interface MetricValues {
  /** The way in which one number is made of the values. */
  readonly aggregation: AggregationName;
  /** True if a larger metric is better. */
  readonly higherIsBetter: boolean;
  /** Settings of the metric. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The values in the order of the items: numbers of a mean, else the parts of a metric over all items. */
  readonly values: readonly unknown[];
}

/** Items that are answered, and written, together. */
export const CHUNK = 32;

/**
 * Evaluates a model on a task: makes the prompts, scores or generates the answers, and computes the metrics.
 *
 * With a folder, each chunk of 32 items is appended to `items.jsonl`; a run that was interrupted computes only what is
 * missing, and one with another model, prompt or option computes everything.
 */
export async function evaluate(model: Model, given: Task, options: EvaluateOptions = {}): Promise<Run> {
  const { seed = DEFAULT_SEED, limit, folder, signal, onProgress } = options;
  checkFields("evaluate", options, optionRules);
  const task = adjusted(given, options);
  check(
    task.contentFree.length > 0 || !task.metrics.some(({ name }) => name === "acc_calibrated"),
    "input",
    () => `${task.path}: acc_calibrated needs calibration: texts without content, such as "N/A"`,
  );
  const shots = options.shots ?? task.shots;
  const items = itemsOf(task, { shots, limit, seed });
  const fingerprint = await modelFingerprint(model);
  const store = folder === undefined ? undefined : await RunStore.open(folder);
  const keys = items.map((item) => itemKey(task, item, { fingerprint, seed, answering: options.answering?.name }));
  const records = new Map<number, ItemRecord>();
  for (let at = 0; at < items.length; at += CHUNK) {
    throwIfAborted(signal);
    const chunk = items.slice(at, at + CHUNK);
    const missing = chunk.filter(({ index }) => !store?.find(keys[index] as string));
    const responses = missing.length > 0 ? await answer(model, task, missing, { ...options, seed }) : [];
    const added = missing.map((item, i) => recordOf(task, item, responses[i] as Response, keys[item.index] as string));
    if (added.length > 0) await store?.add(added);
    const known = new Map(added.map((record) => [record.index, record]));
    for (const item of chunk) {
      const key = keys[item.index] as string;
      const response = (known.get(item.index) ?? store?.find(key))?.response as Response;
      records.set(item.index, recordOf(task, item, response, key));
    }
    onProgress?.(records.size, items.length);
  }
  const all = items.map(({ index }) => records.get(index) as ItemRecord);
  const { values, ...result } = summarize(task, items, all, {
    model: model.location,
    fingerprint,
    shots,
    seed,
    resamples: options.resamples ?? task.resamples,
  });
  if (folder !== undefined) {
    await store?.finish(all);
    await writeFileAtomic(join(folder, "summary.json"), `${JSON.stringify(result, null, 2)}\n`);
  }
  return { ...result, items: all, values };
}

/** The responses to items, by the way that the options name, else as the task's kind asks. */
export function answer(
  model: Model,
  task: Task,
  items: readonly Item[],
  { answering, batchSize, signal, seed = DEFAULT_SEED }: EvaluateOptions,
): Promise<Response[]> {
  if (answering) return answering.respond(model, items, { batchSize, signal });
  return respond(model, task, items, { batchSize, signal, repeats: task.repeats, seed });
}

/** The task with what the options say of its answers. */
function adjusted(task: Task, { repeats, generation }: EvaluateOptions): Task {
  if (repeats === undefined && generation === undefined) return task;
  check(
    task.generation,
    "usage",
    () => `evaluate: repeats and generation options are for tasks that generate; ${task.name} scores ${task.output}`,
  );
  const options = { ...task.generation.options, ...generation };
  if (Number(options.temperature ?? 0) > 0 && generation?.temperature !== undefined) options.do_sample = true;
  check(
    (repeats ?? 1) === 1 || options.do_sample === true,
    "usage",
    () => `evaluate: ${repeats} greedy answers to an item are all the same; set a temperature`,
  );
  return { ...task, repeats: repeats ?? task.repeats, generation: { ...task.generation, options } };
}

/** The hash of everything that an answer depends on. */
function itemKey(
  task: Task,
  { context, pairs, text, index }: Item,
  { fingerprint, seed, answering }: { fingerprint: string; seed: number; answering: string | undefined },
): string {
  const { output, generation, repeats } = task;
  const draws = generation?.options.do_sample === true ? { seed, index } : undefined;
  return hashOf({ fingerprint, output, context, pairs, text, generation, repeats, draws, answering });
}

function recordOf(task: Task, item: Item, response: Response, key: string): ItemRecord {
  const { index, doc, context, choices, right, text } = item;
  const outcomes = outcomesOf(task, item, response);
  const scores: Record<string, number> = {};
  for (const [filter, outcome] of outcomes)
    for (const metric of task.metrics) {
      const value = metric.value(outcome);
      if (typeof value === "number") scores[metricKey(metric.name, filter)] = value;
    }
  const [outcome] = outcomes.values();
  return {
    index,
    key,
    item: hashOf(docKey(doc)),
    doc: plainDoc(doc),
    context: text ?? context,
    ...(choices.length > 0 && { choices }),
    right,
    response,
    ...(outcome?.output === "multiple_choice" && { probabilities: softmax(outcome.logLikelihoods) }),
    ...predictionOf(outcome),
    scores,
  };
}

/**
 * An estimate over items with its interval of 95 %: Wilson's where every item counts 0 or 1, else by the standard error, within
 * the bounds of the metric.
 */
export function withInterval(
  { value, stderr }: Estimate,
  values: readonly unknown[],
  aggregation: AggregationName = "mean",
): MetricResult {
  const isShare = values.every((own) => own === 0 || own === 1);
  if (isShare)
    return { value, stderr, interval: shareInterval(values.filter((own) => own === 1).length, values.length) };
  if (stderr === null) return { value, stderr, interval: null };
  const [least, most] = rangeOf(aggregation, values);
  const [low, high] = meanInterval(value, stderr);
  return { value, stderr, interval: [Math.max(low, least), Math.min(high, most)] };
}

function predictionOf(outcome: Outcome | undefined): { readonly prediction?: unknown } {
  if (outcome?.output === "multiple_choice") return { prediction: argmax(outcome.logLikelihoods) };
  return outcome?.output === "generate_until" ? { prediction: outcome.answer } : {};
}

/** The name of a metric behind a filter. */
export const metricKey = (metric: string, filter: string): string =>
  filter === "none" ? metric : `${metric},${filter}`;

/** The warning of prompts that lost tokens at their beginning, where examples stand. */
function tooLong(name: string, shots: number, cut: number, all: number): string[] {
  if (cut === 0) return [];
  return [
    `${name}, ${shots} shots: ${cut} of ${all} prompts are longer than the context window and lost their beginning; use fewer shots`,
  ];
}

function summarize(
  task: Task,
  items: readonly Item[],
  records: readonly ItemRecord[],
  about: { model: string; fingerprint: string; shots: number; seed: number; resamples: number | undefined },
): RunResult & Pick<Run, "values"> {
  const { resamples, ...rest } = about;
  const outcomes = items.map((item, i) => outcomesOf(task, item, (records[i] as ItemRecord).response));
  const metrics: Record<string, MetricResult> = {};
  const valuesBy: Record<string, MetricValues> = {};
  for (const { name: filter } of task.filters)
    for (const { name, aggregation, higherIsBetter, value, settings } of task.metrics) {
      const values = outcomes.map((own) => value(own.get(filter) as Outcome));
      metrics[metricKey(name, filter)] = withInterval(
        estimate(values, aggregation, { resamples, settings }),
        values,
        aggregation,
      );
      valuesBy[metricKey(name, filter)] = { aggregation, higherIsBetter, settings, values };
    }
  const first = outcomes.map((own) => own.values().next().value as Outcome);
  const confusion = confusionOf(first);
  const rates = passRates(task, items, records);
  const signatures = signaturesOf(task, first);
  const lost = first.filter((own) => own.output === "multiple_choice" && own.right.includes(-1)).length;
  const cut = records.filter(({ response: { dropped, scores } }) => (dropped ?? scores?.[0]?.dropped) !== undefined);
  const wrong = lost > 0 ? [`the right answer of ${lost} items is none of their choices: they count as wrong`] : [];
  return {
    task: task.name,
    ...rest,
    n: items.length,
    metrics,
    values: valuesBy,
    ...(Object.keys(signatures).length > 0 && { signatures }),
    ...(confusion && { confusion }),
    ...(rates && { passRates: rates }),
    warnings: [
      ...task.warnings,
      ...wrong,
      ...tooLong(task.name, about.shots, cut.length, records.length),
      ...rougeWarnings(task, first),
    ],
  };
}
