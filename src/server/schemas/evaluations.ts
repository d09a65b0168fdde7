import { z } from "zod";

/** The body of an evaluation, which batches take at /v1/evaluations. */
export const evaluationRequest = z.strictObject({
  model: z.string(),
  task: z.string().describe("The name of a bundled task, or of one that the worker was given."),
  shots: z.int().min(0).nullish().describe("Examples before each question; default the task's."),
  limit: z.int().min(1).nullish().describe("The first so many items; default all."),
  seed: z.int().min(0).nullish().describe("The seed by which examples are drawn; default 1234."),
  repeats: z.int().min(1).max(1000).nullish().describe("Answers sampled for each item."),
});

export type EvaluationRequest = z.infer<typeof evaluationRequest>;
