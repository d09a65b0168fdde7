import { check, LecternError, throwIfAborted } from "../../common/index.ts";
import { type Bleu, bleu } from "../../evaluation/index.ts";
import { type Architecture, readConfig } from "../../families/index.ts";
import type { GenerateOptions, Model } from "../../inference/index.ts";
import { type Example, textOf } from "../data/examples.ts";
import { exampleContext } from "../data/labelled-rows.ts";
import { readSources } from "../data/sources.ts";
import { startParameters } from "../run/initial-weights.ts";
import { type Batch, StepGraph, type StepOptions, type StepResult } from "../run/step-graph.ts";
import { ExampleTask } from "../tasks/example-task.ts";
import type { Evaluation, TrainingTask } from "../tasks/task.ts";
import type { TokenRow } from "../tasks/task-rows.ts";
import { taskParts } from "../tasks/tasks.ts";
import type { ExampleRecipe, Recipe } from "./recipe.ts";
import { generatedTask, textTask } from "./train-recipe.ts";

/** Options of `evaluateRecipe`. */
export interface EvaluateOptions {
  /** The directory below which the recipe's files stand. */
  readonly data: string;
  /** The number of tokens in a window of text; default the recipe's. */
  readonly window?: number | undefined;
  /** The number of threads; default: the engine's choice. */
  readonly threads?: number | undefined;
  /** Cancels the evaluation. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the part of the data and its progress. */
  readonly onProgress?: ((part: string, done: number, total: number) => void) | undefined;
}

/** The metrics on a part of the test set. */
export interface Measured {
  /** As the sources' field `part` says; else "test", or of texts "held out". */
  readonly part: string;
  /** The metrics by name. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The confusion matrix of labels. */
  readonly confusion?: Evaluation["confusion"];
  /** BLEU of translations. */
  readonly bleu?: Bleu;
}

/** The parts of a model that are needed to measure it. */
type MeasuredModel = Pick<Model, "tokenizer" | "location" | "generate">;

/**
 * Measures a trained model as its recipe says, on what the recipe did not learn from: bits per byte of held-out texts,
 * accuracy on test examples, BLEU of translations.
 */
export async function evaluateRecipe(
  recipe: Recipe,
  model: MeasuredModel,
  options: EvaluateOptions,
): Promise<Measured[]> {
  const { tokenizer, location } = model;
  check(tokenizer, "input", () => `eval: ${location} has no tokenizer`);
  const architecture = readConfig(recipe.config);
  if ("generator" in recipe) {
    const task = generatedTask(recipe, architecture, tokenizer);
    const { loss, metrics } = await evaluateWeights(architecture, task, location, options);
    return [{ part: "held out", metrics: { loss, ...metrics } }];
  }
  if (!("task" in recipe)) {
    const { batchSize, length } = recipe;
    const { window = length } = options;
    const sized = { ...recipe, length: window, batchSize: Math.max(1, Math.round((batchSize * length) / window)) };
    const task = await textTask(sized, architecture, { data: options.data, tokenizer, measureOnly: true });
    const { loss, metrics } = await evaluateWeights(architecture, task, location, options);
    return [{ part: "held out", metrics: { loss, ...metrics } }];
  }
  const { test } = recipe.examples;
  check(test, "config", () => "eval: the recipe names no test examples (examples.test)");
  const parts = new Map<string, Example[]>();
  for (const example of await readSources(options.data, test)) {
    const part = typeof example.fields.part === "string" ? example.fields.part : "test";
    parts.set(part, [...(parts.get(part) ?? []), example]);
  }
  const measured: Measured[] = [];
  for (const [part, examples] of parts)
    measured.push(
      recipe.task === "text2text-generation"
        ? await translations(recipe, model, part, examples, options)
        : await labelled(recipe, model, part, examples, options),
    );
  return measured;
}

/** The number of texts that are generated between two reports. */
const TOGETHER = 8;

async function translations(
  { generation }: ExampleRecipe,
  model: MeasuredModel,
  part: string,
  examples: readonly Example[],
  { data, signal, onProgress }: EvaluateOptions,
): Promise<Measured> {
  const said: string[] = [];
  for (let at = 0; at < examples.length; at += TOGETHER) {
    const prompts = examples.slice(at, at + TOGETHER).map((example) => {
      const { prefix } = example.fields;
      return (typeof prefix === "string" ? prefix : "") + textOf(data, example, "source");
    });
    const options = { ...(generation as GenerateOptions), numReturnSequences: 1, signal };
    const { sequences } = await model.generate({ prompts }, options);
    throwIfAborted(signal);
    said.push(...sequences.map(({ text }) => text.trim()));
    await onProgress?.(part, said.length, examples.length);
  }
  const score = bleu(
    said,
    examples.map((example) => textOf(data, example, "target")),
  );
  return { part, metrics: { bleu: score.score, examples: examples.length }, bleu: score };
}

async function labelled(
  recipe: ExampleRecipe,
  { tokenizer, location }: MeasuredModel,
  part: string,
  examples: readonly Example[],
  options: EvaluateOptions,
): Promise<Measured> {
  if (!tokenizer) throw new LecternError("input", `eval: ${location} has no tokenizer`);
  const architecture = readConfig(recipe.config);
  const parts = taskParts(recipe.task, { ...exampleContext(recipe, tokenizer, architecture), path: options.data });
  const rows = examples.flatMap((example) => parts.encode(example));
  const task = new ExampleTask<TokenRow>({
    ...parts,
    training: rows,
    heldOut: rows,
    batchSize: recipe.batchSize,
    gradientAccumulationSteps: 1,
    seed: recipe.seed,
  });
  const { loss, metrics, confusion } = await evaluateWeights(architecture, task, location, options);
  return { part, metrics: { loss, ...metrics, examples: examples.length }, ...(confusion && { confusion }) };
}

/** The evaluation of the weights in a directory. */
async function evaluateWeights(
  architecture: Architecture,
  { evaluate, graph }: TrainingTask,
  location: string,
  { threads, signal }: EvaluateOptions,
): Promise<Evaluation> {
  if (!evaluate) throw new LecternError("unsupported", "eval: this recipe has nothing to measure");
  const parameters = await startParameters(architecture, { seed: 0, config: {}, directory: location });
  const graphs = new Map<string, Promise<StepGraph>>();
  const compute = async (batch: Batch): Promise<StepResult> => {
    throwIfAborted(signal);
    const { inputIds, labels, decoderInputIds } = batch;
    const steps = ((decoderInputIds ?? labels)?.[0] as readonly number[] | undefined)?.length;
    const sizes = { rows: inputIds.length, length: inputIds[0]?.length ?? 0, steps };
    const options: StepOptions = { ...graph, ...sizes, gradients: false, threads };
    const key = JSON.stringify(sizes);
    const compiled = graphs.get(key) ?? StepGraph.create(architecture, options);
    graphs.set(key, compiled);
    return (await compiled).run(parameters, batch);
  };
  try {
    return await evaluate(compute);
  } finally {
    for (const compiled of graphs.values()) await (await compiled).dispose();
  }
}
