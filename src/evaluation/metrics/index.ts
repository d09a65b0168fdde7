export { type ExactMatchOptions, exactMatch, squadExact, squadF1 } from "./answers.ts";
export { type Bleu, type BleuOptions, bleu, type References } from "./bleu.ts";
export { type Chrf, type ChrfOptions, chrf } from "./chrf.ts";
export {
  type ClassPair,
  expectedCalibrationError,
  type F1Average,
  f1OfClass,
  f1Score,
  matthewsCorrelation,
} from "./class-metrics.ts";
export { type ClassScores, classScores } from "./class-scores.ts";
export { type RougeOptions, type RougeScore, type RougeType, rouge } from "./rouge.ts";
export type { BleuTokenizer } from "./tokenizers.ts";
