import { check, Random } from "../../common/index.ts";
import type { Architecture } from "../../families/index.ts";
import { checkWritable } from "../../files/index.ts";
import { locateModel, openDirectory } from "../../formats/index.ts";
import {
  adapterPlan,
  computedPrecision,
  isLearned,
  type LoraConfig,
  quantizeWeights,
  readJsonFile,
  type Weights,
} from "../../inference/index.ts";
import { elementCount } from "../../tensor/index.ts";
import { loadTokenizer, type Tokenizer } from "../../tokenizers/index.ts";
import { startAdapter } from "../adapters/lora.ts";
import { loraOf } from "../adapters/lora-settings.ts";
import { checkColumns } from "../data/columns.ts";
import { type Example, nameOf, type Rows, readExamples } from "../data/examples.ts";
import { headLabels, type LabelSource, nameLabels } from "../data/labels.ts";
import type { PreferenceOptions } from "../objectives/losses.ts";
import { takeWeights } from "../run/initial-weights.ts";
import { initialize } from "../run/initialize.ts";
import { type Run, type RunConfig, type RunResult, runTraining } from "../run/run.ts";
import { hashOf, hashWeights } from "../run/run-fingerprint.ts";
import { type Parameters, parameterShapes } from "../run/step-graph.ts";
import { ExampleTask } from "../tasks/example-task.ts";
import type { TrainingTaskName } from "../tasks/task-names.ts";
import type { TaskContext, TokenRow } from "../tasks/task-rows.ts";
import { taskParts } from "../tasks/tasks.ts";
import { checkOptions } from "./finetune-options.ts";
import { checkMetrics, taskMetrics } from "./metrics.ts";
import { withReference } from "./reference-scores.ts";
import { heads, openForTask } from "./task-model.ts";
import { evaluatedDirectory, write } from "./write-finetuned.ts";

/** Options of `finetune`. */
export interface FinetuneOptions extends Pick<Run, "threads" | "signal" | "onReport" | "onResume" | "onStop"> {
  /** The model to begin with: a directory, a bundled model's name, or `owner/name` on the Hub. */
  readonly model: string;
  /** Examples: a file (.csv, .tsv, .jsonl or .json, also gzipped), or objects of columns, which may come as they are made. */
  readonly data: string | Rows;
  /** Held-out examples; default a random 10 %. */
  readonly validation?: string | Rows | undefined;
  /** The task to learn. */
  readonly task: TrainingTaskName;
  /** The output directory: the model or the adapter, with the checkpoint. */
  readonly out: string;
  /** The number of passes over the examples; default 3, up to 20 for few examples. */
  readonly epochs?: number | undefined;
  /** Rows of a batch, and batches of a step. */
  readonly batchSize?: number | undefined;
  /** The number of batches per step; default 1. */
  readonly gradientAccumulationSteps?: number | undefined;
  /** The highest learning rate; default 5e-5, for adapters 5e-4. */
  readonly learningRate?: number | undefined;
  /** The seed of the split, the order and the new head. */
  readonly seed?: number | undefined;
  /** The largest number of tokens in a row; default 256, or the model's window. */
  readonly maxLength?: number | undefined;
  /** For question answering: tokens that windows of a long context repeat of each other; default 128. */
  readonly docStride?: number | undefined;
  /** The columns to read, where they have other names than the task's. */
  readonly columns?: Readonly<Record<string, string>> | undefined;
  /** The fraction of the target that is spread over all classes. */
  readonly labelSmoothing?: number | undefined;
  /** True if each class is weighted by how rare it is. */
  readonly balanceClasses?: boolean | undefined;
  /** A text to put before each source text. */
  readonly prefix?: string | undefined;
  /** The preference loss and its parameters. */
  readonly preference?: Partial<PreferenceOptions> | undefined;
  /** The settings of an adapter to train instead of all weights. */
  readonly lora?: Partial<LoraConfig> | undefined;
  /**
   * The precision of the base's matrices while an adapter is trained, which stays in float32 (QLoRA; Dettmers et al.,
   * 2023). Default that of the base: float32, unless `quantizeModel` wrote it.
   */
  readonly precision?: "float32" | "int8" | "int4" | undefined;
  /** The base model that an adapter names, such as `owner/name` on the Hub; default the path of `model`. */
  readonly baseName?: string | undefined;
  /** Settings of the run that take precedence over those above. */
  readonly config?: Partial<RunConfig> | undefined;
  /**
   * True if the model, or its adapter, is written as it is at each evaluation too, before that is reported: into the
   * folder `evaluated/step-N` of `out`. The caller removes what it no longer needs.
   */
  readonly keepEvaluated?: boolean | undefined;
  /** Called once, before the first step. */
  readonly onStart?: ((plan: FinetunePlan) => unknown) | undefined;
}

/** The result of a fine-tuning run. */
export interface FinetuneResult extends RunResult {
  /** The plan of the run. */
  readonly plan: FinetunePlan;
}

/** The plan of a fine-tuning run. */
export interface FinetunePlan {
  /** The number of training examples. */
  readonly training: number;
  /** The number of held-out examples. */
  readonly heldOut: number;
  /** The labels, in the order of the head's classes. */
  readonly labels: readonly string[];
  /** Newly initialised parameters that the base does not have: a new head. */
  readonly fresh: readonly string[];
  /** The number of trained parameters. */
  readonly learned: number;
  /** The number of all parameters. */
  readonly total: number;
  /** The number of steps. */
  readonly steps: number;
}

/** Few examples are seen more often than three times, so that there is time to learn from them. */
const LEAST_STEPS = 200;

/** Fine-tunes a model on examples and writes it; resumes from the checkpoint in `out`, if there is one. */
export async function finetune(wanted: FinetuneOptions): Promise<FinetuneResult> {
  const checked = checkOptions(wanted);
  const options = { ...checked, model: await locateModel(checked.model, { signal: checked.signal }) };
  const { task: name, data, out, seed } = options;
  await checkWritable(out);
  const files = await openDirectory(options.model);
  const tokenizer = await loadTokenizer(files);
  check(tokenizer, "input", () => `${options.model} has no tokenizer.json`);
  const given = await readGiven(options);
  const own = headLabels(await readJsonFile(files, "config.json"), heads[name].ending);
  const { examples, held, labels } = nameLabels(given, labelSource(options), own);
  const { architecture, json, weights: base } = await openForTask(options.model, name, labels);
  const weights = await inPrecision(options, architecture, base);
  const context = contextOf(options, architecture, tokenizer, labels, examples);
  const parts = taskParts(name, context);
  const encoded = examples.map((example) => parts.encode(example));
  const heldParts = taskParts(name, { ...context, path: nameOf(options.validation ?? data) });
  const split = held
    ? { training: encoded, heldOut: held.map((example) => heldParts.encode(example)) }
    : splitRows(encoded, seed, ([row]) => row?.label);
  const config = configOf(options, split.training.flat().length);
  checkMetrics(config, taskMetrics[name], "finetune");
  const lora = options.lora && loraOf(options.lora, architecture, weights);
  const { first, fresh } = await firstParameters({ architecture, weights, lora, seed });
  const bind = weights.bind.bind(weights);
  const { quantization } = weights.passes;
  const graph = lora ? { plan: adapterPlan(lora), learns: isLearned(lora), bind, quantization } : { bind };
  const rows = { training: split.training.flat(), heldOut: split.heldOut.flat() };
  const known =
    name === "preference"
      ? await withReference(rows, first, { architecture, parts, graph, threads: options.threads })
      : rows;
  const { gradientAccumulationSteps = 1 } = options;
  const batches = { batchSize: batchSizeOf(options), gradientAccumulationSteps, seed };
  const task = new ExampleTask<TokenRow>({ ...parts, ...known, ...batches });
  const plan: FinetunePlan = {
    training: split.training.length,
    heldOut: split.heldOut.length,
    labels,
    fresh,
    ...countsOf(first, architecture),
    steps: config.steps,
  };
  await options.onStart?.(plan);
  const { threads, signal, onReport, onResume, onStop } = options;
  const finished = { architecture, json, lora, weights };
  const keep = (parameters: Parameters, step: number): Promise<void> =>
    write({ ...options, out: evaluatedDirectory(out, step) }, { ...finished, parameters });
  const result = await runTraining({
    ...{ architecture, task, config, out, graph, threads, signal, onReport, onResume, onStop },
    onEvaluated: options.keepEvaluated ? keep : undefined,
    start: async () => first,
    identity: {
      ...lossIdentity(options),
      labels,
      ...identityOf(split, tokenizer),
      "the model's weights": await hashWeights(files, weights),
      lora,
      ...(weights.isQuantized && { precision: weights.precision }),
    },
  });
  await write(options, { ...finished, parameters: result.parameters });
  return { ...result, plan };
}

/** The base's weights, in few bits where an adapter is trained on such a base. */
async function inPrecision(
  { precision, lora, signal }: FinetuneOptions,
  architecture: Architecture,
  base: Weights,
): Promise<Weights> {
  check(
    lora !== undefined || precision === undefined || precision === "float32",
    "usage",
    () => `finetune: precision ${precision} is that of the base below an adapter; train one (lora), or leave it out`,
  );
  if (lora === undefined) return base;
  const computed = computedPrecision(precision, 0, base);
  return computed === "published" ? base : quantizeWeights(architecture, base, computed, signal);
}

/** The examples to train on and, where a file of its own has them, those to validate on; columns are checked. */
async function readGiven({ task, data, validation, columns }: FinetuneOptions) {
  const given = {
    examples: await readExamples(data),
    held: validation === undefined ? undefined : await readExamples(validation),
  };
  checkColumns(nameOf(data), given.examples, task, columns);
  if (given.held) checkColumns(nameOf(validation ?? data), given.held, task, columns);
  return given;
}

/** The parameters that training begins with, and the paths of those that the base does not have. */
async function firstParameters({
  architecture,
  weights,
  lora,
  seed,
}: {
  readonly architecture: Architecture;
  readonly weights: Weights;
  readonly lora: LoraConfig | undefined;
  readonly seed: number;
}): Promise<{ readonly first: Parameters; readonly fresh: readonly string[] }> {
  const fresh: string[] = [];
  const freshParameter = (path: string, shape: readonly number[]): Parameters[string] => {
    if (!fresh.includes(path)) fresh.push(path);
    const drawn = initialize(new Map([[path, shape]]), architecture, { seed: seed + fresh.length });
    return drawn[path] as Parameters[string];
  };
  const first = lora
    ? await startAdapter(architecture, weights, lora, seed, freshParameter)
    : await takeWeights(architecture, weights, freshParameter);
  return { first, fresh };
}

/** Hashes of the data and of the tokenizer, as a run's fingerprint names them. */
function identityOf(
  { training, heldOut }: { readonly training: readonly unknown[]; readonly heldOut: readonly unknown[] },
  { fingerprint }: Tokenizer,
): Readonly<Record<string, string>> {
  return {
    "the training data": hashOf(training),
    "the held-out data": hashOf(heldOut),
    "the tokenizer": hashOf([fingerprint]),
  };
}

/** The number of values that are learned, and of those that the model has in all. */
function countsOf(first: Parameters, architecture: Architecture): Pick<FinetunePlan, "learned" | "total"> {
  return {
    learned: Object.values(first).reduce((sum, { data }) => sum + data.length, 0),
    total: [...parameterShapes(architecture).values()].reduce((sum, shape) => sum + elementCount(shape), 0),
  };
}

function labelSource({
  task,
  data,
  validation,
  columns,
}: FinetuneOptions): LabelSource & { readonly heldPath: string } {
  const name = task === "token-classification" ? "tags" : "label";
  return { task, path: nameOf(data), heldPath: nameOf(validation ?? data), column: columns?.[name] ?? name };
}

/** The objective, and the number of rows of a batch. */
function lossIdentity(options: FinetuneOptions): Readonly<Record<string, unknown>> {
  const { task, gradientAccumulationSteps = 1, labelSmoothing = 0, balanceClasses = false, preference } = options;
  const loss = task === "preference" ? { preference } : {};
  return { task, batchSize: batchSizeOf(options), gradientAccumulationSteps, labelSmoothing, balanceClasses, ...loss };
}

const batchSizeOf = ({ batchSize = 16 }: FinetuneOptions): number => batchSize;

function contextOf(
  options: FinetuneOptions,
  architecture: Architecture,
  tokenizer: Tokenizer,
  labels: readonly string[],
  examples: readonly Example[],
): TaskContext {
  const { data, columns = {}, labelSmoothing = 0, balanceClasses = false, prefix = "", preference } = options;
  const { maxPositionEmbeddings, sourcePositions: window = maxPositionEmbeddings } = architecture.config;
  const maxLength = options.maxLength ?? Math.min(window, 256);
  check(
    maxLength <= window,
    "usage",
    () => `finetune: maxLength ${maxLength} is more than the model's window of ${window}`,
  );
  const of = (label: string): number =>
    examples.filter(({ fields }) => `${fields[columns.label ?? "label"]}` === label).length;
  const classWeights = labels.map((label) => examples.length / labels.length / Math.max(1, of(label)));
  return {
    path: nameOf(data),
    tokenizer,
    architecture,
    maxLength,
    docStride: options.docStride,
    labels,
    columns,
    labelSmoothing,
    classWeights: balanceClasses ? classWeights : undefined,
    preference: { kind: "sigmoid", beta: 0.1, ...preference },
    prefix,
  };
}

/** Every tenth row by chance is held out, at least one, but never the last row of a class. */
function splitRows<R>(
  rows: readonly R[],
  seed: number,
  classOf: (row: R) => number | undefined,
): { training: R[]; heldOut: R[] } {
  check(rows.length > 1, "input", () => "finetune: one example alone cannot be learned and measured");
  const left = new Map<number | undefined, number>();
  for (const row of rows) left.set(classOf(row), (left.get(classOf(row)) ?? 0) + 1);
  const count = Math.max(1, Math.floor(rows.length / 10));
  const held = new Set<number>();
  for (const i of new Random(seed, 0, 0, 6).shuffle(Array.from(rows.keys()))) {
    const own = classOf(rows[i] as R);
    const remaining = left.get(own) as number;
    if (held.size === count || remaining === 1) continue;
    held.add(i);
    left.set(own, remaining - 1);
  }
  return { training: rows.filter((_, i) => !held.has(i)), heldOut: rows.filter((_, i) => held.has(i)) };
}

/**
 * The steps of a fine-tuning run, and those of one pass over the examples, after each of which it is evaluated.
 *
 * @param count the number of training rows
 */
export function finetuneSteps(
  count: number,
  { batchSize = 16, gradientAccumulationSteps = 1, epochs }: Partial<FinetuneOptions> = {},
): { readonly steps: number; readonly perEpoch: number } {
  const perEpoch = Math.ceil(count / batchSize / gradientAccumulationSteps);
  const passes = epochs ?? Math.max(3, Math.min(20, Math.ceil(LEAST_STEPS / perEpoch)));
  return { steps: Math.max(1, Math.round(perEpoch * passes)), perEpoch };
}

function configOf(options: FinetuneOptions, count: number): RunConfig {
  const { seed = 1, lora, config } = options;
  const planned = finetuneSteps(count, options);
  const { perEpoch } = planned;
  const steps = config?.steps ?? planned.steps;
  const learningRate = options.learningRate ?? (lora ? 5e-4 : 5e-5);
  return {
    optimizer: { name: "adamw", weightDecay: 0.01 },
    maxGradNorm: 1,
    checkpointEvery: perEpoch,
    evaluateEvery: perEpoch,
    ...config,
    schedule: {
      name: "linear",
      learningRate,
      totalSteps: steps,
      warmupSteps: Math.round(steps * 0.06),
      ...config?.schedule,
    },
    seed,
    steps,
  };
}
