export { type EncodeOptions, type Encoding, loadTokenizer, type Message, Tokenizer } from "./tokenizer.ts";
export { StreamDecoder } from "./stream-decoder.ts";
