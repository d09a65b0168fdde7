import { featureExtraction } from "./feature-extraction.ts";
import { fillMask } from "./fill-mask.ts";
import { questionAnswering } from "./question-answering.ts";
import { sentenceSimilarity } from "./sentence-similarity.ts";
import { textClassification } from "./text-classification.ts";
import { textGeneration } from "./text-generation.ts";
import { textRanking } from "./text-ranking.ts";
import { summarization, text2textGeneration, translation } from "./text2text-generation.ts";
import { tokenClassification } from "./token-classification.ts";
import { zeroShotClassification } from "./zero-shot-classification.ts";

/** Every task, by the name that transformers gives it. */
export const tasks = {
  "text-generation": textGeneration,
  "text2text-generation": text2textGeneration,
  translation,
  summarization,
  "text-classification": textClassification,
  "token-classification": tokenClassification,
  "question-answering": questionAnswering,
  "fill-mask": fillMask,
  "feature-extraction": featureExtraction,
  "sentence-similarity": sentenceSimilarity,
  "text-ranking": textRanking,
  "zero-shot-classification": zeroShotClassification,
};

/** The name of a task, without its other names. */
export type PlainTask = keyof typeof tasks;

/** Other names of tasks. */
export const aliases = {
  "sentiment-analysis": "text-classification",
  ner: "token-classification",
} as const satisfies Record<string, PlainTask>;

type Aliases = typeof aliases;

/** A task, or another name of one; `translation_en_to_de` says the languages too. */
export type TaskName = PlainTask | keyof Aliases | `translation_${string}_to_${string}`;

/** The task that a name stands for. */
export type TaskOf<N extends TaskName> = N extends keyof Aliases ? Aliases[N] : N extends PlainTask ? N : "translation";

type Of<N extends TaskName> = (typeof tasks)[TaskOf<N>];

/** A single input of a task. */
export type InputOf<N extends TaskName> = Parameters<Of<N>["run"]>[1][number];

/** The options of a call. */
export type OptionsOf<N extends TaskName> = Parameters<Of<N>["run"]>[2];
