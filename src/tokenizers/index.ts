export { type EncodeOptions, type Encoding, loadTokenizer, type Message, Tokenizer } from "./tokenizer.ts";
export { type TokenizerKind, type TokenizerOptions, tokenizerKinds, trainTokenizer } from "./train/index.ts";
