/**
 * Evaluates models: task files, metrics, comparisons. Reads and writes files of this machine.
 *
 * @module lectern/evaluation
 */
export * from "./metrics/index.ts";
export { type CompareOptions, type Comparison, compareRuns } from "./run/compare.ts";
export type { Confusion } from "./run/confusion.ts";
export { areShares, type Curve, type CurvePoint, curveTable, type ShotCurves, shotCurves } from "./run/curve.ts";
export { curveSvg } from "./run/curve-svg.ts";
export { aggregateGroup } from "./run/group.ts";
export { type Item, type ItemOptions, itemsOf, type TextPair } from "./run/items.ts";
export { type PageContent, runPage } from "./run/page.ts";
export { decideMetric, decidePaired, type ItemValues, metricInterval, pairedP } from "./run/paired.ts";
export type { PassRates } from "./run/pass-rates.ts";
export type { PairScore, Response } from "./run/responses.ts";
export {
  type Answering,
  type AnsweringOptions,
  answer,
  type EvaluateOptions,
  evaluate,
  type MetricResult,
  type MetricValues,
  metricKey,
  type Run,
  type RunResult,
  withInterval,
} from "./run/run.ts";
export { fileDigests, hashOf, type ItemRecord, modelFingerprint, readItems } from "./run/store.ts";
export { wrongItems } from "./run/wrong-items.ts";
export type { Candidate } from "./search/candidates.ts";
export { type CandidateResult, type OptimizeOptions, optimizePrompt, type PromptSearch } from "./search/optimize.ts";
export { type PromptTaskOptions, promptTask } from "./search/prompt-task.ts";
export type { FactorRange, Spread } from "./search/spread.ts";
export {
  type BootstrapOptions,
  bootstrapInterval,
  clusteredError,
  detectableDifference,
  type Interval,
  meanInterval,
  type Plan,
  shareInterval,
  standardError,
} from "./statistics/intervals.ts";
export { type Decision, decideBound, decideDifference, pairedShareInterval } from "./statistics/margin.ts";
export { passAtK, passHatK } from "./statistics/pass-at-k.ts";
export { holm, mcNemar } from "./statistics/tests.ts";
export type { AggregationName, Estimate } from "./tasks/aggregation.ts";
export type { Doc } from "./tasks/data.ts";
export type { FilterPipeline } from "./tasks/filters.ts";
export type { TaskOptions } from "./tasks/harness-task.ts";
export { bundledTasks, loadTask } from "./tasks/load-task.ts";
export type { ChoiceOutcome, LikelihoodOutcome, Outcome, RollingOutcome, TextOutcome } from "./tasks/outcome.ts";
export {
  type AnswerGeneration,
  type GroupAggregate,
  isGroup,
  leaves,
  type OutputType,
  type Target,
  type Task,
  type TaskGroup,
  type Writing,
} from "./tasks/task.ts";
export { type MetricUse, metricUses } from "./tasks/task-metrics.ts";
