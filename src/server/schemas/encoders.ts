import { z } from "zod";

const input = z.union([z.string(), z.array(z.string()).min(1)]);
const truncate = z
  .boolean()
  .nullish()
  .describe("True if a text that is too long is cut; by default it is refused with the numbers.");
const usage = z.object({ prompt_tokens: z.int(), total_tokens: z.int() });
const user = z.string().nullish().describe("A label; it changes nothing.");

/** The body of POST /v1/embeddings. */
export const embeddingRequest = z.strictObject({
  model: z.string(),
  input: z
    .union([input, z.array(z.int()).min(1), z.array(z.array(z.int())).min(1)])
    .describe("A text or texts; token ids are refused."),
  encoding_format: z.enum(["float", "base64"]).nullish().describe("base64: float32, little-endian. Default float."),
  dimensions: z.int().min(1).nullish().describe("For models that were trained for shorter vectors."),
  prompt_name: z.string().nullish().describe("One of the prompts of config_sentence_transformers.json."),
  truncate,
  user,
});

export type EmbeddingRequest = z.infer<typeof embeddingRequest>;

export const embeddingResponse = z.object({
  object: z.literal("list"),
  model: z.string(),
  data: z.array(
    z.object({ object: z.literal("embedding"), index: z.int(), embedding: z.union([z.array(z.number()), z.string()]) }),
  ),
  usage,
});

export type EmbeddingResponse = z.infer<typeof embeddingResponse>;

/** The body of POST /v1/rerank. */
export const rerankRequest = z.strictObject({
  model: z.string(),
  query: z.string(),
  documents: z.array(z.union([z.string(), z.strictObject({ text: z.string() })])).min(1),
  top_n: z.int().min(1).nullish(),
  return_documents: z.boolean().nullish().describe("Default true."),
  truncate,
  user,
});

export type RerankRequest = z.infer<typeof rerankRequest>;

export const rerankResponse = z.object({
  id: z.string(),
  model: z.string(),
  results: z.array(
    z.object({ index: z.int(), relevance_score: z.number(), document: z.object({ text: z.string() }).optional() }),
  ),
  usage,
});

/** The body of POST /v1/classify. */
export const classifyRequest = z.strictObject({ model: z.string(), input, truncate, user });

export type ClassifyRequest = z.infer<typeof classifyRequest>;

export const classifyResponse = z.object({
  id: z.string(),
  object: z.literal("list"),
  model: z.string(),
  data: z.array(
    z.object({
      index: z.int(),
      label: z.string(),
      score: z.number(),
      scores: z.array(z.object({ label: z.string(), score: z.number() })),
    }),
  ),
  usage,
});
