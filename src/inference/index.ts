export { openAdapted } from "./adapters/adapted-model.ts";
export {
  type Adapter,
  adaptedParameters,
  linearLayers,
  mergedParameters,
  outputLengths,
  peftName,
} from "./adapters/adapters.ts";
export { adapterPlan, endsWith, isLearned, type LoraConfig, liesIn } from "./adapters/lora-config.ts";
export type { Priority } from "./admission.ts";
export { copyCompanions } from "./companions.ts";
export { targetedTables } from "./embedding-adapter.ts";
export {
  type ForwardInputs,
  type ForwardOptions,
  type ForwardResult,
  namedTensors,
  passFeeds,
} from "./forward.ts";
export { type ForwardGraph, type ForwardGraphOptions, forwardGraph } from "./forward-graph.ts";
export type { GeneratedSequence, GenerateInput, GenerateResult } from "./generate-call.ts";
export { classesOf, isSameHead, type Json, withHead, withLabels } from "./head-config.ts";
export type { Timing, Usage } from "./host/host.ts";
export { attends, headOf, traitsOf } from "./kinds/index.ts";
export { type BatchRunOptions, forwardRows, type Reading, type Row } from "./length-bucketing.ts";
export type { LoadOptions } from "./load-options.ts";
export { loadTokenizer } from "./load-tokenizer.ts";
export type { LogLikelihood, LogLikelihoodOptions, LogLikelihoodRequest } from "./log-likelihood.ts";
export { type GenerateOptions, type JsonSchema, loadModel, Model } from "./model.ts";
export { generating, type ModelFiles, openModelFiles, readJsonFile } from "./model-files.ts";
export { lastStates, normalized, type PoolingMode, pool, statesAt, yieldsStates } from "./pooling.ts";
export { computedPrecision, quantizeWeights } from "./quantize-model.ts";
export type { ScoreTokensOptions } from "./score-rows.ts";
export type { EmbedOptions } from "./sentence-encoder.ts";
export { checkTrainableEmbeddings } from "./sentence-modules.ts";
export { isEmbedding, isSharedEmbedding, isTiedOutput } from "./tied-embeddings.ts";
export { MOST_LOG_PROBS, type TokenScore } from "./token-scores.ts";
export { FINGERPRINT_KEY } from "./tokenizer-check.ts";
export { parametersOf, Weights } from "./weights.ts";
