export type { Decoder } from "./decoder.ts";
export { type FinishReason, generate, type GenerateContext, type Sequence, type TokenEvent } from "./generate.ts";
export { camelCase, type GenerationOptions, optionKinds, parseOptions } from "./options.ts";
export { processScores, softmax } from "./processors.ts";
