export { beamSearch } from "./beam-search.ts";
export type { Decoder } from "./decoder.ts";
export { diverseBeamSearch } from "./diverse-beam-search.ts";
export { generate } from "./generate.ts";
export { GuidedDecoder } from "./guided-decoder.ts";
export { type GenerationOptions, optionKinds, parseOptions } from "./options.ts";
export type { Candidate, FinishReason, GenerateContext, Sequence, TokenEvent } from "./sequence.ts";
