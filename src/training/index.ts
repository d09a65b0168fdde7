/**
 * Trains models: fine-tuning, adapters, pre-training from recipes, tokenizer training, and the parts they are made of.
 *
 * @module lectern/training
 */
export { parseWith } from "../common/schemas/index.ts";
export type { Bleu } from "../evaluation/index.ts";
export type { Adapter, LoraConfig } from "../inference/index.ts";
export type { Quantization, QuantizedPrecision } from "../passes/index.ts";
export { type TokenizerKind, type TokenizerOptions, tokenizerKinds, trainTokenizer } from "../tokenizers/index.ts";
export { saveAdapter, startAdapter } from "./adapters/lora.ts";
export * from "./data/collators.ts";
export { type Example, exampleRows, type Rows, readExamples, readText } from "./data/examples.ts";
export { type RecipeRows, readRows } from "./data/labelled-rows.ts";
export { filesOf, readSources, type Source } from "./data/sources.ts";
export { writeFiles } from "./data/write-files.ts";
export { evaluateRecipe, finetune, mergeAdapter, trainRecipe } from "./host/index.ts";
export type { Teacher } from "./objectives/distillation-labels.ts";
export * from "./objectives/losses.ts";
export { clipGlobalNorm, clipValues, globalNorm, type NormKind } from "./optim/clip.ts";
export {
  createOptimizer,
  type Optimizer,
  type OptimizerConfig,
  type Slots,
  type UpdateOptions,
} from "./optim/optimizers.ts";
export { type RampShape, type ScheduleConfig, scheduledRate } from "./optim/schedules.ts";
export {
  type ParameterGroup,
  type Part,
  startState,
  Trainer,
  type TrainingState,
  type UpdateConfig,
} from "./optim/trainer.ts";
export type { EvaluateOptions, Measured } from "./recipe/evaluate-recipe.ts";
export { type FinetuneOptions, type FinetunePlan, type FinetuneResult, finetuneSteps } from "./recipe/finetune.ts";
export {
  type ExampleRecipe,
  type GeneratedRecipe,
  parseRecipe,
  parseRunOverrides,
  presentRecipe,
  type Recipe,
  recipeJsonSchema,
  runConfigOf,
  runOverrides,
  type TextRecipe,
} from "./recipe/recipe.ts";
export { readTexts, type TextFiles, type TrainOptions } from "./recipe/train-recipe.ts";
export { evaluatedDirectory } from "./recipe/write-finetuned.ts";
export { loadCheckpoint, saveCheckpoint } from "./run/checkpoint.ts";
export { exportModel } from "./run/export-model.ts";
export { type InitializeOptions, initialize } from "./run/initialize.ts";
export { type Resumed, type Run, type RunConfig, type RunReport, type RunResult, runTraining } from "./run/run.ts";
export type { RunFingerprint } from "./run/run-fingerprint.ts";
export {
  type Batch,
  type DropoutSeed,
  type Objective,
  type Parameters,
  parameterShapes,
  StepGraph,
  type StepOptions,
  type StepResult,
} from "./run/step-graph.ts";
export type { Evaluation, SharedBatch, TrainingTask } from "./tasks/task.ts";
export { type TrainingTaskName, taskNames } from "./tasks/task-names.ts";
export {
  joinDocuments,
  type ObjectiveTokens,
  type TextObjective,
  TextTask,
  type TextTaskOptions,
  type TokenizedText,
} from "./tasks/text-task.ts";
