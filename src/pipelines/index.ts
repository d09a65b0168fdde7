export type { AggregationStrategy } from "./entities.ts";
export type { FeatureExtractionOptions } from "./feature-extraction.ts";
export type { FilledMask, FillMaskOptions } from "./fill-mask.ts";
export type { Languages } from "./languages.ts";
export type { CallOptions, Progress } from "./options.ts";
export { type Pipeline, pipeline } from "./pipeline.ts";
export type { Answer, QuestionAnsweringOptions } from "./question-answering.ts";
export type { OneOf, ResultOf } from "./results.ts";
export { type InputOf, type OptionsOf, type PlainTask, type TaskName, type TaskOf, tasks } from "./tasks.ts";
export {
  classifyTexts,
  type LabelScore,
  type TextClassificationOptions,
  type TextPair,
} from "./text-classification.ts";
export type { TextGenerationOptions } from "./text-generation.ts";
export type { RankedDocument, RankingInput, TextRankingOptions } from "./text-ranking.ts";
export type { Text2TextOptions, TranslationOptions } from "./text2text-generation.ts";
export type { EntityGroup, TokenClassificationOptions, TokenEntity } from "./token-classification.ts";
export type { ZeroShotOptions } from "./zero-shot-classification.ts";
