import type { WrittenType } from "../formats/index.ts";
import type { Order, Selection } from "../prompting/index.ts";
import type { SearchMethod } from "../retrieval/index.ts";
import type { TokenizerKind } from "../tokenizers/index.ts";
import type { TrainingTaskName } from "../training/index.ts";

/** A list that must hold every member of a union, so that the help needs none of the modules that define them. */
const every =
  <Union extends string>() =>
  <const List extends readonly Union[]>(list: [Union] extends [List[number]] ? List : never): List =>
    list as List;

export const ggufTypes = every<Lowercase<WrittenType>>()(["f32", "f16", "bf16", "q8_0", "q4_0"]);

export const trainingTasks = every<TrainingTaskName>()([
  "text-classification",
  "token-classification",
  "question-answering",
  "fill-mask",
  "text-generation",
  "text2text-generation",
  "sentence-similarity",
  "reward",
  "preference",
]);

export const tokenizerTypes = every<TokenizerKind>()([
  "byte-level-bpe",
  "whitespace-bpe",
  "word-end-bpe",
  "wordpiece",
  "unigram",
  "word-level",
  "character",
]);

export const selections = every<Selection>()(["fixed", "random", "balanced", "nearest", "diverse"]);

export const orders = every<Order>()(["ranked", "reversed", "shuffled", "original"]);

export const searchMethods = every<SearchMethod>()(["vectors", "bm25"]);
