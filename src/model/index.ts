export {
  type ForwardInputs,
  type ForwardOptions,
  type ForwardResult,
  namedTensors,
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
export { deriveFeeds, fullGraph } from "./model-graph.ts";
export { parametersOf } from "./weights.ts";
