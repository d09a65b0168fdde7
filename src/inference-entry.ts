/**
 * Runs and differentiates graphs, and adds model families from outside the package. Graphs are built with
 * `lectern/graph`, models with `lectern/nn`.
 *
 * @module lectern/inference
 */
export { differentiate } from "./autodiff/index.ts";
export {
  type CheckpointNames,
  type ConfigReader,
  type DecoderConfig,
  type DecoderHeads,
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
  type HeadKind,
  type KeptConfig,
  type ModelConfig,
  type OwnFamily,
  type OwnFamilyParts,
  parseDecoderHead,
} from "./families/index.ts";
export { safetensorsChunks } from "./formats/index.ts";
export { type CompiledGraph, type CompileOptions, compile } from "./inference/compile.ts";
export type { DType, HostTensor } from "./tensor/index.ts";
