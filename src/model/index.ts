export {
  type Adapter,
  AdapterSet,
  adaptedParameters,
  adapterPlan,
  isLearned,
  type LoraConfig,
  mergedParameters,
  outputLengths,
  parseLoraConfig,
  peftName,
  readAdapter,
} from "./adapters.ts";
export {
  type ForwardInputs,
  type ForwardOptions,
  type ForwardResult,
  namedTensors,
  passFeeds,
} from "./forward.ts";
export type { Timing } from "./host.ts";
export { languageModelLoss } from "./loss.ts";
export {
  type GenerateInput,
  type GenerateOptions,
  type GenerateResult,
  type LoadOptions,
  loadModel,
  type Model,
} from "./model.ts";
export { decoderOf, type ModelFiles, openModelFiles, readJsonFile } from "./model-files.ts";
export { deriveFeeds, fullGraph } from "./model-graph.ts";
export { type PassGraph, type PassOptions, passGraph } from "./pass-graph.ts";
export { pool, readPooling } from "./pooling.ts";
export { parametersOf, Weights } from "./weights.ts";
