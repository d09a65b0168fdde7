import { z } from "zod";
import { chatRequest } from "./chat.ts";

const model = z.string().nullish().describe("Default: the server's first model.");

/** The body of POST /tokenize: a prompt, or a conversation. */
export const tokenizeRequest = z.strictObject({
  model,
  prompt: z.string().optional(),
  messages: chatRequest.shape.messages.optional(),
  tools: chatRequest.shape.tools,
  add_special_tokens: z.boolean().nullish().describe("Default true; of a conversation false."),
  add_generation_prompt: z.boolean().nullish(),
  return_token_strs: z.boolean().nullish(),
});

export type TokenizeRequest = z.infer<typeof tokenizeRequest>;

export const tokenizeResponse = z.object({
  tokens: z.array(z.int()),
  count: z.int(),
  max_model_len: z.int().nullable().describe("The context window; null where there is no bound."),
  token_strs: z.array(z.string()).nullable(),
});

/** The body of POST /detokenize. */
export const detokenizeRequest = z.strictObject({ model, tokens: z.array(z.int().min(0)) });

export type DetokenizeRequest = z.infer<typeof detokenizeRequest>;

export const detokenizeResponse = z.object({ prompt: z.string() });

export const tokenizerInfo = z.object({
  tokenizer_class: z.string().nullable(),
  vocab_size: z.int(),
  model_max_length: z.int().nullable(),
  chat_template: z.string().nullable(),
  bos_token: z.string().nullable(),
  eos_token: z.string().nullable(),
  pad_token: z.string().nullable(),
  unk_token: z.string().nullable(),
});
