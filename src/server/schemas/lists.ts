import { z } from "zod";

const modelEntry = z.object({
  id: z.string(),
  object: z.literal("model"),
  created: z.int(),
  owned_by: z.string(),
  loaded: z.boolean(),
  parent: z.string().nullable().describe("The base of an adapter."),
});

/** The answer of GET /v1/models. */
export const modelList = z.object({ object: z.literal("list"), data: z.array(modelEntry) });

export type ModelEntry = z.infer<typeof modelEntry>;

export const modelAnswer = modelEntry;

/** The answer of routes that report a state. */
export const stateAnswer = z.object({ status: z.string() });

/** The body of POST /v1/models/load and /v1/models/unload. */
export const modelRequest = z.strictObject({ model: z.string() });

export type ModelRequest = z.infer<typeof modelRequest>;

/** The form of every error. */
export const errorAnswer = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
});
