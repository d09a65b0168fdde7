export { LecternError } from "./common/index.ts";
export { openDirectory as openFiles } from "./formats/index.ts";
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
  type Model,
} from "./model/index.ts";
export { classifyTexts, type LabelScore } from "./pipelines/index.ts";
export { type HostTensor, toFloat32 } from "./tensor/index.ts";
export { loadTokenizer, type Message, type Tokenizer } from "./tokenizers/index.ts";
