export { type ForwardInputs, type ForwardOptions, ForwardPass, type ForwardResult, languageModelLoss } from "./forward.ts";
export { type ModelFiles, openModelFiles, readJsonFile } from "./model-files.ts";
export { cachedGraph, deriveFeeds, fullGraph, type ModelGraph } from "./model-graph.ts";
export { parametersOf, Weights } from "./weights.ts";
