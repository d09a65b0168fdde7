import type { PoolingMode } from "../inference/index.ts";
import type { FilledMask } from "./fill-mask.ts";
import type { Answer } from "./question-answering.ts";
import type { PlainTask } from "./tasks.ts";
import type { LabelScore } from "./text-classification.ts";
import type { GeneratedText } from "./text-generation.ts";
import type { RankedDocument } from "./text-ranking.ts";
import type { SummarizationResult, Text2TextResult, TranslationResult } from "./text2text-generation.ts";
import type { EntityGroup, TokenEntity } from "./token-classification.ts";
import type { ZeroShotResult } from "./zero-shot-classification.ts";

/** One result, or a list of them where several were asked for. */
type Several<O, T> = O extends { readonly numReturnSequences: number } ? T | T[] : T;

/** The result of a task for each input of a list, by the options of the call. */
interface Results<O> {
  "text-generation": GeneratedText[];
  "text2text-generation": Several<O, Text2TextResult>;
  translation: Several<O, TranslationResult>;
  summarization: Several<O, SummarizationResult>;
  "text-classification": O extends { readonly topK: number | null } ? LabelScore[] : LabelScore;
  "token-classification": O extends { readonly aggregationStrategy: "simple" | "first" | "average" | "max" }
    ? EntityGroup[]
    : TokenEntity[];
  "question-answering": O extends { readonly topK: number } ? Answer | Answer[] : Answer;
  "fill-mask": FilledMask[];
  "feature-extraction": O extends { readonly pooling: PoolingMode | "modules" } ? Float32Array : Float32Array[][];
  "sentence-similarity": number[];
  "text-ranking": RankedDocument[];
  "zero-shot-classification": ZeroShotResult;
}

/** The result of a task for a single input, where that differs. */
interface OneResults {
  "text2text-generation": Text2TextResult[];
  translation: TranslationResult[];
  summarization: SummarizationResult[];
  "text-classification": LabelScore[];
}

/** The result of a task for each input of a list or a stream. */
export type ResultOf<T extends PlainTask, O> = Results<O>[T];
/** The result of a task for a single input. */
export type OneOf<T extends PlainTask, O> = T extends keyof OneResults ? OneResults[T] : ResultOf<T, O>;
