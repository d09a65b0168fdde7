/**
 * `lectern/inference`: graphs that run and are differentiated, and model families of your own. Graphs are built with
 * `lectern/graph`, models with `lectern/nn`.
 */
export { differentiate } from "./autodiff/index.ts";
export {
  type CheckpointNames,
  type ConfigReader,
  type DecoderConfig,
  type DecoderModel,
  decoderOutputs,
  defineFamily,
  type EncoderConfig,
  type EncoderDecoderConfig,
  type EncoderDecoderModel,
  type EncoderModel,
  type FamilyCheckpoint,
  type FamilyDefinition,
  type HeadConfig,
  type OwnFamily,
  parseDecoderHead,
} from "./families/index.ts";
export { safetensorsChunks } from "./formats/index.ts";
export { type CompiledGraph, type CompileOptions, compile } from "./inference/compile.ts";
export type { DType, HostTensor } from "./tensor/index.ts";
