/**
 * Layers and the context that models are built in.
 *
 * @module lectern/nn
 */
export { activation } from "./activations.ts";
export {
  type AdapterPlan,
  adapterPart,
  type FedAdapter,
  fedNames,
  type LearnedAdapter,
  type LinearAdapter,
} from "./adapter.ts";
export {
  type BuildOptions,
  type DropoutMask,
  dropoutMask,
  type KeyValue,
  ModelContext,
  type ModelOutputs,
} from "./context.ts";
export type { AttendOptions, GlobalAttention } from "./global-attention.ts";
export { type KeptState, type StateShape, stateName } from "./kept-state.ts";
export {
  embedding,
  joinHeads,
  layerNorm,
  linear,
  normalized,
  repeatHeads,
  rmsNorm,
  rmsNormalized,
  splitHeads,
} from "./layers.ts";
export {
  type AlibiOptions,
  alibi,
  attentionBias,
  type BucketOptions,
  cacheSlots,
  countedPositions,
  type Derivation,
  type DerivedInput,
  type DistanceOptions,
  type GlobalTokens,
  indexedPositions,
  lastToken,
  neighbour,
  type PositionContext,
  type Positions,
  type PositionValues,
  positionIds,
  positionIdsAfterPadding,
  positionsOfMask,
  positionsOfRows,
  positionsOfTexts,
  questionSegments,
  questionTokens,
  relativeBias,
  type SparseBlocks,
  signedDistances,
  sinusoidalPositions,
  sinusoidalPositionsAfterPadding,
  sparseTokens,
  stateAtFirst,
  stateAtLast,
  tokenMask,
  tokenTypeIds,
  unmaskedPositions,
} from "./positions/index.ts";
export {
  parseRotary,
  type RotaryConfig,
  type RotaryScaling,
  type RotarySource,
  readRotary,
  rotaryFrequencies,
  rotarySettings,
} from "./rotary-frequencies.ts";
export { Scope } from "./scope.ts";
export { shortConvolution } from "./short-convolution.ts";
