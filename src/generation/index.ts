export { beamSearch } from "./beam-search.ts";
export type { Decoder, LookingDecoder } from "./decoder.ts";
export { diverseBeamSearch } from "./diverse-beam-search.ts";
export { generate } from "./generate.ts";
export { GuidedDecoder } from "./guided-decoder.ts";
export { contrastiveSearch, promptLookup } from "./lookahead.ts";
export { type GenerationOptions, optionKinds, parseOptions } from "./options.ts";
export type { LogitsProcessor } from "./processors.ts";
export type {
  Candidate,
  FinishReason,
  GenerateContext,
  Sequence,
  StoppingCriteria,
  TokenEvent,
} from "./sequence.ts";
