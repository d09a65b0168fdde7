export type { Decoder } from "./decoder.ts";
export { type FinishReason, type GenerateContext, generate, type Sequence, type TokenEvent } from "./generate.ts";
export { type GenerationOptions, optionKinds, parseOptions } from "./options.ts";
