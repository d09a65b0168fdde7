export type { FilledMask } from "./fill-mask.ts";
export type { CallOptions, Progress } from "./options.ts";
export { type Pipeline, pipeline } from "./pipeline.ts";
export type { Answer } from "./question-answering.ts";
export { type TaskName, tasks } from "./tasks.ts";
export { classifyTexts, type LabelScore } from "./text-classification.ts";
export type { EntityGroup, TokenEntity } from "./token-classification.ts";
