export { type EncodeOptions, type Encoding, loadTokenizer, type Message, Tokenizer } from "./tokenizer.ts";
