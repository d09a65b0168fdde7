export type { MarkedChat, TextRange } from "./chat-answers.ts";
export type { Message, MessagePart } from "./chat-message.ts";
export type { ChatOptions } from "./chat-template.ts";
export { loadTokenizer } from "./load/load-tokenizer.ts";
export { type PaddingOptions, padRows } from "./pad-rows.ts";
export { wholeTest } from "./regex/index.ts";
export type { StreamDecoder } from "./stream-decoder.ts";
export { type TokenBytes, textWithBytes, tokenBytes } from "./token-bytes.ts";
export {
  type BatchOptions,
  type DecodeOptions,
  type EncodedBatch,
  type EncodeOptions,
  type Encoding,
  Tokenizer,
} from "./tokenizer.ts";
export {
  bareCall,
  readToolCalls,
  type ToolCall,
  type ToolCallForm,
  type ToolCallJson,
  type ToolCallPieces,
  ToolCallReader,
} from "./tool-calls.ts";
export { type TokenizerKind, type TokenizerOptions, tokenizerKinds, trainTokenizer } from "./train/index.ts";
export type { Offset, Truncation } from "./truncation.ts";
