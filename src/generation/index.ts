export { beamSearch } from "./beam-search.ts";
export { constrainedBeamSearch } from "./constrained-beam-search.ts";
export { type ConstraintOption, TokenConstraint } from "./constraint.ts";
export type { Decoder, RewindableDecoder, ScoringDecoder } from "./decoder.ts";
export { diverseBeamSearch } from "./diverse-beam-search.ts";
export { contrastLayers, dolaCandidates } from "./dola.ts";
export { AssistantDrafter, type Drafter, LookupDrafter } from "./drafters.ts";
export { generate } from "./generate.ts";
export { GuidedDecoder } from "./guided-decoder.ts";
export { fittingNewTokens, idleLengths, overruledLengths, plannedNewTokens } from "./lengths.ts";
export { contrastiveSearch, speculate } from "./lookahead.ts";
export { type OptionEntry, optionNames, optionTable } from "./option-table.ts";
export type { GenerationOptions } from "./options.ts";
export { camelCase, generationFields, parseCheckpointOptions, parseOptions } from "./parse-options.ts";
export { type LogitsProcessor, scoresOf } from "./processors.ts";
export { drawingOptions, settleOptions } from "./sampling.ts";
export {
  type Candidate,
  checkNamedIds,
  type FinishReason,
  type GenerateContext,
  type Sequence,
  type StoppingCriteria,
  type TokenEvent,
  type TokenHealing,
} from "./sequence.ts";
export type { StepLogProbs, TokenLogProb } from "./token-log-probs.ts";
