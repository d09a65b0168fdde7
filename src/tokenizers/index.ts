export type { ChatOptions, Message } from "./chat-template.ts";
export { type EncodeOptions, type Encoding, loadTokenizer, Tokenizer } from "./tokenizer.ts";
export { type TokenizerKind, type TokenizerOptions, tokenizerKinds, trainTokenizer } from "./train/index.ts";
