import { z } from "zod";
import { MOST_LOG_PROBS } from "../../inference/index.ts";
import { usage } from "./completions.ts";
import type { Refusal } from "./parse.ts";
import { samplingFields } from "./sampling.ts";

const part = z.looseObject({ type: z.string(), text: z.string().exactOptional() });
const content = z.union([z.string(), z.array(part)]);
const name = z.string().optional();

const calledFunction = z.strictObject({ name: z.string().min(1), arguments: z.string() });
const toolCall = z.strictObject({
  id: z.string(),
  type: z.literal("function"),
  function: calledFunction,
  index: z.int().optional(),
});

const message = z.discriminatedUnion("role", [
  z.strictObject({ role: z.literal("system"), content, name }),
  z.strictObject({ role: z.literal("developer"), content, name }),
  z.strictObject({ role: z.literal("user"), content, name }),
  z.strictObject({
    role: z.literal("assistant"),
    content: content.nullish(),
    name,
    tool_calls: z.array(toolCall).min(1).optional(),
    reasoning_content: z.string().nullish(),
    refusal: z.null().optional(),
    audio: z.null().optional(),
    function_call: z.null().optional(),
    annotations: z.array(z.never()).optional(),
  }),
  z.strictObject({ role: z.literal("tool"), content, name, tool_call_id: z.string() }),
]);

export type ChatMessage = z.infer<typeof message>;

/** A function that the model may call. */
export const tool = z.strictObject({
  type: z.literal("function"),
  function: z.strictObject({
    name: z.string().regex(/^[\w.-]{1,64}$/),
    description: z.string().nullish(),
    parameters: z.record(z.string(), z.unknown()).nullish(),
    strict: z.boolean().nullish(),
  }),
});

export type Tool = z.infer<typeof tool>;

export const responseFormat = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({
    type: z.literal("json_schema"),
    json_schema: z.strictObject({
      name: z.string(),
      description: z.string().nullish(),
      schema: z.record(z.string(), z.unknown()).optional(),
      strict: z.boolean().nullish(),
    }),
  }),
]);

/** The body of POST /v1/chat/completions. */
export const chatRequest = z.strictObject({
  model: z.string(),
  messages: z.array(message).min(1),
  max_tokens: z.int().min(1).nullish().describe("The older name of max_completion_tokens."),
  max_completion_tokens: z
    .int()
    .min(1)
    .nullish()
    .describe("Default: the rest of the context window, within the server's limit."),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(MOST_LOG_PROBS).nullish(),
  tools: z.array(tool).nullish(),
  tool_choice: z
    .union([
      z.enum(["none", "auto", "required"]),
      z.strictObject({ type: z.literal("function"), function: z.strictObject({ name: z.string() }) }),
    ])
    .nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: responseFormat.nullish(),
  chat_template_kwargs: z.record(z.string(), z.unknown()).nullish().describe("Further variables of the chat template."),
  add_generation_prompt: z.boolean().nullish(),
  continue_final_message: z.boolean().nullish().describe("True if the answer goes on with the last message."),
  documents: z.array(z.record(z.string(), z.unknown())).nullish().describe("Texts that the template may show."),
  metadata: z.record(z.string(), z.string()).nullish().describe("Labels; they change nothing."),
  safety_identifier: z.string().nullish().describe("A label; it changes nothing."),
  prompt_cache_key: z.string().nullish().describe("A label; prefixes are shared by all requests of a model."),
  store: z.unknown().optional().describe("Refused, unless false."),
  modalities: z.unknown().optional().describe('Refused, unless ["text"].'),
  audio: z.unknown().optional().describe("Refused."),
  prediction: z.unknown().optional().describe("Refused."),
  reasoning_effort: z
    .unknown()
    .optional()
    .describe("Refused: give chat_template_kwargs as the model's template reads them."),
  verbosity: z.unknown().optional().describe("Refused."),
  service_tier: z.unknown().optional().describe('Refused, unless "auto" or "default".'),
  web_search_options: z.unknown().optional().describe("Refused."),
  functions: z.unknown().optional().describe("Refused: give tools."),
  function_call: z.unknown().optional().describe("Refused: give tool_choice."),
  prompt_cache_retention: z.unknown().optional().describe("Refused."),
  ...samplingFields,
});

export type ChatRequest = z.infer<typeof chatRequest>;

/** Fields of OpenAI's that are refused. */
export const refusedOfChats: Readonly<Record<string, Refusal>> = {
  store: { why: "this server keeps no answers", neutral: [false] },
  modalities: { why: "models here write text", neutral: [["text"]] },
  audio: { why: "models here write text", neutral: [] },
  prediction: { why: "give prompt_lookup_num_tokens for speculative decoding", neutral: [] },
  reasoning_effort: { why: "give chat_template_kwargs as the model's template reads them", neutral: [] },
  verbosity: { why: "no model here has it", neutral: ["medium"] },
  service_tier: { why: "this server has one; give priority", neutral: ["auto", "default"] },
  web_search_options: { why: "this server searches nothing", neutral: [] },
  functions: { why: "give tools", neutral: [] },
  function_call: { why: "give tool_choice", neutral: [] },
  prompt_cache_retention: { why: "prefixes stay as memory allows", neutral: [] },
};

const tokenLogProb = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.int()).nullable() });
const chatLogProbs = z.object({
  content: z.array(tokenLogProb.extend({ top_logprobs: z.array(tokenLogProb) })),
  refusal: z.null(),
});
const finishReason = z.enum(["stop", "length", "tool_calls"]);

/** The answer of POST /v1/chat/completions. */
export const chatResponse = z.object({
  id: z.string(),
  object: z.literal("chat.completion"),
  created: z.int(),
  model: z.string(),
  choices: z.array(
    z.object({
      index: z.int(),
      message: z.object({
        role: z.literal("assistant"),
        content: z.string().nullable(),
        refusal: z.null(),
        tool_calls: z.array(toolCall).optional(),
      }),
      logprobs: chatLogProbs.nullable(),
      finish_reason: finishReason,
    }),
  ),
  usage,
});

/** A chunk of a streamed chat. */
export const chatChunk = z.object({
  id: z.string(),
  object: z.literal("chat.completion.chunk"),
  created: z.int(),
  model: z.string(),
  choices: z.array(
    z.object({
      index: z.int(),
      delta: z.object({
        role: z.literal("assistant").optional(),
        content: z.string().nullable().optional(),
        tool_calls: z
          .array(
            z.object({
              index: z.int(),
              id: z.string().optional(),
              type: z.literal("function").optional(),
              function: z.object({ name: z.string().optional(), arguments: z.string().optional() }),
            }),
          )
          .optional(),
      }),
      logprobs: chatLogProbs.nullable(),
      finish_reason: finishReason.nullable(),
    }),
  ),
  usage: usage.nullable().optional(),
});

export type ChatResponse = z.infer<typeof chatResponse>;
export type ChatChunk = z.infer<typeof chatChunk>;
export type ChatLogProbs = z.infer<typeof chatLogProbs>;
