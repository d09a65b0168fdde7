export { LecternError } from "./common/index.ts";
export { openDirectory as openFiles, type ProgressEvent } from "./formats/index.ts";
export type { FinishReason, GenerationOptions, Sequence, TokenEvent } from "./generation/index.ts";
export {
  type ForwardInputs,
  type ForwardOptions,
  type ForwardResult,
  type GenerateInput,
  type GenerateOptions,
  type GenerateResult,
  type LoadOptions,
  loadModel,
  loadTokenizer,
  type Model,
} from "./inference/index.ts";
export {
  type CallOptions,
  classifyTexts,
  type EntityGroup,
  type LabelScore,
  type Pipeline,
  type Progress,
  pipeline,
  type TaskName,
  type TokenEntity,
} from "./pipelines/index.ts";
export { type HostTensor, toFloat32 } from "./tensor/index.ts";
export type { ChatOptions, Message, Tokenizer } from "./tokenizers/index.ts";
