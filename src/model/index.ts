export { type ForwardInputs, type ForwardOptions, ForwardPass, type ForwardResult, languageModelLoss } from "./forward.ts";
export { type ModelFiles, openModelFiles, readJsonFile } from "./model-files.ts";
export { cachedGraph, deriveFeeds, fullGraph, type ModelGraph } from "./model-graph.ts";
export { parametersOf, Weights } from "./weights.ts";
export { CachedDecoder, DecodeEngine } from "./cached-decoder.ts";
export { type GenerateInput, type GenerateOptions, type GenerateResult, type LoadOptions, loadModel, Model } from "./model.ts";
