export { positionIds } from "./absolute.ts";
export { positionIdsAfterPadding } from "./after-padding.ts";
export { type AlibiOptions, alibi } from "./alibi.ts";
export { attentionBias, bidirectionalBias, causalBias, paddingBias } from "./attention-bias.ts";
export { cacheSlots, lastKey, longestRow } from "./cache-slots.ts";
export { type Derivation, type DerivedInput, DerivedInputs, type PositionContext } from "./derive.ts";
export { type GlobalTokens, globalTokens } from "./global-tokens.ts";
export { lastToken, stateAtFirst, stateAtLast } from "./last-token.ts";
export { neighbour } from "./neighbours.ts";
export {
  countedPositions,
  indexedPositions,
  type PositionValues,
  unmaskedPositions,
} from "./position-values.ts";
export { type Positions, positionsOfMask, positionsOfRows, positionsOfTexts } from "./positions.ts";
export { questionSegments, questionTokens } from "./questions.ts";
export { type BucketOptions, relativeBias } from "./relative-buckets.ts";
export { allRotaryTables, rotaryTables } from "./rotary.ts";
export { tokenTypeIds } from "./segments.ts";
export { type DistanceOptions, signedDistances } from "./signed-distances.ts";
export { sinusoidalPositions, sinusoidalPositionsAfterPadding } from "./sinusoidal.ts";
export { type SparseBlocks, sparseBias, sparseTokens } from "./sparse-blocks.ts";
export { tokenMask } from "./token-mask.ts";
