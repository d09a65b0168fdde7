/** The tasks that a model can be fine-tuned for. */
export const taskNames = [
  "text-classification",
  "token-classification",
  "question-answering",
  "fill-mask",
  "text-generation",
  "text2text-generation",
  "sentence-similarity",
  "reward",
  "preference",
] as const;

/** The name of a fine-tuning task. */
export type TrainingTaskName = (typeof taskNames)[number];
