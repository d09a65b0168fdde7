export { type TokenizerKind, type TokenizerOptions, tokenizerKinds, trainTokenizer } from "../tokenizers/index.ts";
export { loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
export { clipGlobalNorm, clipValues, globalNorm, type NormKind } from "./clip.ts";
export * from "./collators.ts";
export { type Example, exampleRows, type Rows, readExamples, readText } from "./examples.ts";
export { exportModel } from "./export-model.ts";
export { type FinetuneOptions, type FinetunePlan, finetune } from "./finetune.ts";
export { initialize } from "./initialize.ts";
export { mergeAdapter, saveAdapter, startAdapter } from "./lora.ts";
export * from "./losses.ts";
export { type Measured, type MeasureOptions, measureRecipe } from "./measure-recipe.ts";
export { createOptimizer, type Optimizer, type OptimizerConfig, type Slots } from "./optimizers.ts";
export {
  type ExampleRecipe,
  parseRecipe,
  parseWith,
  type Recipe,
  recipeJsonSchema,
  runConfigOf,
  runOverrides,
  type TextRecipe,
} from "./recipe.ts";
export { type Resumed, type Run, type RunConfig, type RunReport, type RunResult, runTraining } from "./run.ts";
export { type ScheduleConfig, scheduledRate } from "./schedules.ts";
export { filesOf, readSources, type Source } from "./sources.ts";
export {
  type Batch,
  type Objective,
  type Parameters,
  parameterShapes,
  StepGraph,
  type StepOptions,
  type StepResult,
} from "./step-graph.ts";
export type { Evaluation, Task } from "./task.ts";
export { type TaskName, taskNames } from "./tasks.ts";
export type { Teacher } from "./teacher.ts";
export { joinDocuments, TextTask } from "./text-task.ts";
export { readRows } from "./train-examples.ts";
export { readTexts, type TrainOptions, trainRecipe } from "./train-recipe.ts";
export {
  type ParameterGroup,
  type Part,
  startState,
  Trainer,
  type TrainingState,
  type UpdateConfig,
} from "./trainer.ts";
