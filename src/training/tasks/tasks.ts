import { check } from "../../common/index.ts";
import { fillMask } from "./fill-mask.ts";
import { preference } from "./preference.ts";
import { questionAnswering } from "./question-answering.ts";
import { reward } from "./reward.ts";
import { sentenceSimilarity } from "./sentence-similarity.ts";
import type { TrainingTaskName } from "./task-names.ts";
import type { Parts, TaskContext, TaskParts } from "./task-rows.ts";
import { classification } from "./text-classification.ts";
import { textGeneration } from "./text-generation.ts";
import { textToText } from "./text2text-generation.ts";
import { tokenClassification } from "./token-classification.ts";

/** The tasks whose loss is a cross entropy of labels. */
const smoothed: ReadonlySet<TrainingTaskName> = new Set([
  "text-classification",
  "token-classification",
  "fill-mask",
  "text-generation",
  "text2text-generation",
]);

/** The parts of a task: how examples become rows and batches, what is minimised, and how it is measured. */
export function taskParts(name: TrainingTaskName, context: TaskContext): TaskParts {
  check(
    context.labelSmoothing === 0 || smoothed.has(name),
    "usage",
    () => `${name}: labelSmoothing does not go with its loss; leave it out`,
  );
  const makers: Record<TrainingTaskName, (context: TaskContext) => Parts> = {
    "text-classification": classification,
    "token-classification": tokenClassification,
    "question-answering": questionAnswering,
    "fill-mask": fillMask,
    "text-generation": textGeneration,
    "text2text-generation": textToText,
    "sentence-similarity": sentenceSimilarity,
    reward,
    preference,
  };
  const parts = makers[name](context);
  return { ...parts, encode: (example) => [parts.encode(example)].flat() };
}
