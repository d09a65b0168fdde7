/**
 * Loads models and runs them: generation, forward passes, embeddings, tokenizers and pipelines.
 *
 * @module lectern
 */
export { type ErrorCode, LecternError } from "./common/index.ts";
export type { FileSource } from "./files/index.ts";
export { type HubOptions, openDirectory as openFiles, type ProgressEvent } from "./formats/index.ts";
export type {
  Candidate,
  FinishReason,
  GenerationOptions,
  LogitsProcessor,
  Sequence,
  StoppingCriteria,
  TokenEvent,
} from "./generation/index.ts";
export {
  type EmbedOptions,
  type ForwardInputs,
  type ForwardOptions,
  type ForwardResult,
  type GenerateInput,
  type GenerateOptions,
  type GenerateResult,
  type JsonSchema,
  type LoadOptions,
  type LogLikelihood,
  type LogLikelihoodOptions,
  type LogLikelihoodRequest,
  loadModel,
  loadTokenizer,
  type Model,
  type PoolingMode,
  type Priority,
  type Timing,
  type Usage,
} from "./inference/index.ts";
export {
  type AggregationStrategy,
  type CallOptions,
  classifyTexts,
  type EntityGroup,
  type FeatureExtractionOptions,
  type FillMaskOptions,
  type InputOf,
  type LabelScore,
  type Languages,
  type OneOf,
  type OptionsOf,
  type Pipeline,
  type PlainTask,
  type Progress,
  pipeline,
  type QuestionAnsweringOptions,
  type ResultOf,
  type TaskName,
  type TaskOf,
  type Text2TextOptions,
  type TextClassificationOptions,
  type TextGenerationOptions,
  type TokenClassificationOptions,
  type TokenEntity,
  type TranslationOptions,
  type ZeroShotOptions,
} from "./pipelines/index.ts";
export { type DType, type HostTensor, type TypedArrays, toFloat32 } from "./tensor/index.ts";
export type {
  BatchOptions,
  ChatOptions,
  DecodeOptions,
  EncodedBatch,
  EncodeOptions,
  Encoding,
  MarkedChat,
  Message,
  MessagePart,
  Offset,
  StreamDecoder,
  TextRange,
  Tokenizer,
  Truncation,
} from "./tokenizers/index.ts";
