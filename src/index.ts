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
} from "./model/index.ts";
export { classifyTexts, type LabelScore } from "./pipelines/index.ts";
export { type HostTensor, toFloat32 } from "./tensor/index.ts";
export type { Message, Tokenizer } from "./tokenizers/index.ts";
