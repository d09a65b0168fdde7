import { z } from "zod";
import { MOST_LOG_PROBS } from "../../inference/index.ts";
import type { Refusal } from "./parse.ts";
import { samplingFields } from "./sampling.ts";

const tokenIds = z.array(z.int().min(0)).min(1);

/** The body of POST /v1/completions. */
export const completionRequest = z.strictObject({
  model: z.string(),
  prompt: z
    .union([z.string(), z.array(z.string()).min(1), tokenIds, z.array(tokenIds).min(1)])
    .describe("A text, texts, token ids, or rows of them."),
  max_tokens: z.int().min(0).nullish().describe("Default 16; 0 only with echo."),
  logprobs: z.int().min(0).max(MOST_LOG_PROBS).nullish().describe("The number of most probable tokens to report."),
  echo: z.boolean().nullish().describe("True if the prompt is returned too, with logprobs those of its tokens."),
  best_of: z
    .int()
    .min(1)
    .max(128)
    .nullish()
    .describe("The number of answers of which the n most probable are returned."),
  suffix: z.unknown().optional().describe("Refused."),
  add_special_tokens: z
    .boolean()
    .nullish()
    .describe("True if text prompts get the tokenizer's special tokens; default true."),
  ...samplingFields,
});

export type CompletionRequest = z.infer<typeof completionRequest>;

/** Fields of OpenAI's that are refused. */
export const refusedOfCompletions: Readonly<Record<string, Refusal>> = {
  suffix: { why: "no model here fills in the middle", neutral: [""] },
};

export const usage = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  prompt_tokens_details: z.object({ cached_tokens: z.int() }),
});

const completionLogProbs = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(z.number().nullable()),
  top_logprobs: z.array(z.record(z.string(), z.number()).nullable()),
  text_offset: z.array(z.int()),
});

/** The answer of POST /v1/completions, and each chunk of its stream. */
export const completionResponse = z.object({
  id: z.string(),
  object: z.literal("text_completion"),
  created: z.int(),
  model: z.string(),
  choices: z.array(
    z.object({
      index: z.int(),
      text: z.string(),
      logprobs: completionLogProbs.nullable(),
      finish_reason: z.enum(["stop", "length"]).nullable(),
    }),
  ),
  usage: usage.optional(),
});

export type CompletionResponse = z.infer<typeof completionResponse>;
export type CompletionLogProbs = z.infer<typeof completionLogProbs>;
