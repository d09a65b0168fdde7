export { type AttentionFigureOptions, attentionFigure } from "./attention-figure.ts";
export {
  ablateHeads,
  type HeadAblation,
  type HeadAblationOptions,
  type HeadPlace,
  headImportance,
} from "./head-ablation.ts";
export { type HeadHabit, type HeadMeasures, headMeasures } from "./head-measures.ts";
export { classesOf, type ExplainInput, idsOf, type Outcome, piecesOf, type TokenPiece, topOutcomes } from "./input.ts";
export { type LensPrediction, type LogitLensOptions, logitLens, predictionsOf } from "./logit-lens.ts";
export {
  type InfluenceMethod,
  type InfluentialToken,
  type TokenInfluence,
  type TokenInfluenceOptions,
  tokenInfluence,
} from "./token-influence.ts";
export { tokensOf, type WordSimilarity, wordContexts } from "./word-contexts.ts";
