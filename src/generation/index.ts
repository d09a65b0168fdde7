export { beamSearch } from "./beam-search.ts";
export { constrainedBeamSearch } from "./constrained-beam-search.ts";
export type { Decoder, LookingDecoder, RewindableDecoder } from "./decoder.ts";
export { diverseBeamSearch } from "./diverse-beam-search.ts";
export { contrastLayers, dolaCandidates } from "./dola.ts";
export { AssistantDrafter, type Drafter, LookupDrafter } from "./drafters.ts";
export { generate } from "./generate.ts";
export { GuidedDecoder } from "./guided-decoder.ts";
export { contrastiveSearch, speculate } from "./lookahead.ts";
export { type GenerationOptions, generationFields, optionKinds, parseOptions } from "./options.ts";
export type { LogitsProcessor } from "./processors.ts";
export type {
  Candidate,
  FinishReason,
  GenerateContext,
  Healing,
  Sequence,
  StoppingCriteria,
  TokenEvent,
} from "./sequence.ts";
