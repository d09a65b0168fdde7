import { check } from "../../common/index.ts";
import { type Architecture, readConfig } from "../../families/index.ts";
import { makeDirectory } from "../../files/index.ts";
import type { Tokenizer } from "../../tokenizers/index.ts";
import { taughtExamples } from "../objectives/distillation-labels.ts";
import { type ExampleRecipe, runConfigOf } from "../recipe/recipe.ts";
import type { TrainOptions } from "../recipe/train-recipe.ts";
import { exportModel } from "../run/export-model.ts";
import { checkVocabulary, startParameters } from "../run/initial-weights.ts";
import { type RunResult, runTraining } from "../run/run.ts";
import { hashOf, recipeFingerprint } from "../run/run-fingerprint.ts";
import { ExampleTask } from "../tasks/example-task.ts";
import type { TrainingTaskName } from "../tasks/task-names.ts";
import type { TaskContext, TokenRow } from "../tasks/task-rows.ts";
import { taskParts } from "../tasks/tasks.ts";
import type { Example } from "./examples.ts";
import { readSources, withoutHeldOut } from "./sources.ts";

/** Trains a model on labelled examples as a recipe says, and writes it. */
export async function trainOnExamples(recipe: ExampleRecipe, options: TrainOptions): Promise<RunResult> {
  check(recipe.task !== "preference", "unsupported", () => "recipe: preferences need a model to begin with: finetune");
  const architecture = readConfig(recipe.config);
  const taught = recipe.teacher !== undefined;
  const context = { ...exampleContext(recipe, options.tokenizer, architecture), path: options.data, taught };
  const parts = taskParts(recipe.task, context);
  const rows = await readRows(recipe, options.data);
  const training = taught ? await askTeacher(recipe, rows, context.labels, options) : rows.training;
  const encoded = (examples: readonly Example[]): TokenRow[] => examples.flatMap((example) => parts.encode(example));
  const { gradientAccumulationSteps, seed } = recipe;
  const [learned, heldOut] = [encoded(training), encoded(rows.validation)];
  const task = new ExampleTask<TokenRow>({
    ...parts,
    training: learned,
    heldOut,
    batchSize: recipe.batchSize,
    gradientAccumulationSteps,
    seed,
  });
  const result = await runTraining({
    ...options,
    architecture,
    task,
    identity: {
      task: recipe.task,
      labelSmoothing: recipe.labelSmoothing,
      labels: context.labels,
      multipleOf: recipe.multipleOf,
      "the training data": hashOf(learned),
      "the held-out data": hashOf(heldOut),
      ...(await recipeFingerprint(recipe, options)),
    },
    config: runConfigOf(recipe),
    start: () => startParameters(architecture, { ...recipe, directory: options.begin }),
  });
  await exportModel(options.out, result.parameters, recipe.config, options.tokenizerDirectory, recipe.precision);
  return result;
}

/** Has a teacher judge what is learned from; no piece of it may be a text that is held out. */
async function askTeacher(
  { task, teacher: config, seed }: ExampleRecipe,
  { training, heldOut }: RecipeRows,
  labels: readonly string[],
  { teacher, out }: TrainOptions,
): Promise<Example[]> {
  check(task === "text-classification", "unsupported", () => `recipe: a teacher labels texts; ${task} has no labels`);
  check(teacher && config, "usage", () => "train: this recipe learns from a teacher: name one by --teacher");
  await makeDirectory(out);
  return taughtExamples(training, { teacher, config, labels, heldOut, seed, out });
}

/** The columns that a task's texts stand in: what is held out is held out by its text, whatever its label. */
const texts: Readonly<Record<TrainingTaskName, readonly string[]>> = {
  "text-classification": ["text", "text2"],
  "token-classification": ["tokens"],
  "question-answering": ["question", "context"],
  "fill-mask": ["text"],
  "text-generation": ["text", "prompt", "messages"],
  "text2text-generation": ["prefix", "source"],
  "sentence-similarity": ["text1", "text2"],
  reward: ["prompt", "chosen", "rejected"],
  preference: ["prompt", "chosen", "rejected"],
};

/** The examples of a recipe, read. */
export interface RecipeRows {
  /** The training examples. */
  readonly training: Example[];
  /** The validation examples. */
  readonly validation: Example[];
  /** Validation and test. */
  readonly heldOut: Example[];
}

/** The training examples of a recipe without its test set, and the evaluation on the way. */
export async function readRows({ task, examples }: ExampleRecipe, data: string): Promise<RecipeRows> {
  const all = await readSources(data, examples.training);
  const validation = await readSources(data, examples.validation);
  const heldOut = [...validation, ...(await readSources(data, examples.test ?? []))];
  const training = withoutHeldOut(all, heldOut, texts[task]);
  check(
    training.length > 0,
    "input",
    () => `recipe: every example of examples.training (${all.length}) has a text that is held out: nothing is left`,
  );
  return { training, validation, heldOut };
}

/** A recipe's settings of how its examples become rows. */
export function exampleContext(recipe: ExampleRecipe, tokenizer: Tokenizer, architecture: Architecture): TaskContext {
  const { id2label = {} } = recipe.config as { id2label?: Readonly<Record<string, string>> };
  const { maxPositionEmbeddings, sourcePositions: window = maxPositionEmbeddings } = architecture.config;
  checkVocabulary(tokenizer.vocabularySize, architecture);
  return {
    path: "",
    tokenizer,
    architecture,
    maxLength: Math.min(recipe.maxLength, window),
    labels: Object.values(id2label),
    columns: {},
    labelSmoothing: recipe.labelSmoothing,
    classWeights: undefined,
    preference: { kind: "sigmoid", beta: 0.1 },
    multipleOf: recipe.multipleOf,
    prefix: "",
  };
}
