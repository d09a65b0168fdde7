import { z } from "zod";
import type { Refusal } from "./parse.ts";
import { samplingFields } from "./sampling.ts";

const part = z.looseObject({ type: z.string(), text: z.string().exactOptional() });
const content = z.union([z.string(), z.array(part)]);
const status = z.enum(["in_progress", "completed", "incomplete"]).nullish();

const item = z.union([
  z.strictObject({
    type: z.literal("message").optional(),
    role: z.enum(["user", "assistant", "system", "developer"]),
    content,
    id: z.string().nullish(),
    status,
    phase: z.string().nullish(),
  }),
  z.strictObject({
    type: z.literal("function_call"),
    call_id: z.string(),
    name: z.string(),
    arguments: z.string(),
    id: z.string().nullish(),
    status,
    namespace: z.null().optional(),
  }),
  z.strictObject({
    type: z.literal("function_call_output"),
    call_id: z.string(),
    output: content,
    id: z.string().nullish(),
    status,
  }),
]);

const tool = z.strictObject({
  type: z.literal("function"),
  name: z.string().regex(/^[\w.-]{1,64}$/),
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
});

const { n, stop, logit_bias, frequency_penalty, presence_penalty, stream_options, ...sampling } = samplingFields;

const textFormat = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({
    type: z.literal("json_schema"),
    name: z.string(),
    description: z.string().nullish(),
    schema: z.record(z.string(), z.unknown()).optional(),
    strict: z.boolean().nullish(),
  }),
]);

/** The body of POST /v1/responses. */
export const responseRequest = z.strictObject({
  model: z.string(),
  input: z.union([z.string(), z.array(item).min(1)]),
  instructions: z.string().nullish(),
  max_output_tokens: z.int().min(1).nullish(),
  tools: z.array(tool).nullish(),
  tool_choice: z
    .union([z.enum(["none", "auto", "required"]), z.strictObject({ type: z.literal("function"), name: z.string() })])
    .nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  text: z.strictObject({ format: textFormat.nullish(), verbosity: z.literal("medium").nullish() }).nullish(),
  metadata: z.record(z.string(), z.string()).nullish().describe("Labels; they come back."),
  safety_identifier: z.string().nullish().describe("A label; it changes nothing."),
  prompt_cache_key: z.string().nullish().describe("A label; it changes nothing."),
  store: z.unknown().optional().describe("Refused, unless false: this server keeps no answers."),
  previous_response_id: z.unknown().optional().describe("Refused: send the whole conversation."),
  conversation: z.unknown().optional().describe("Refused: send the whole conversation."),
  background: z.unknown().optional().describe("Refused, unless false."),
  include: z.unknown().optional().describe("Refused, unless empty."),
  max_tool_calls: z.unknown().optional().describe("Refused."),
  prompt: z.unknown().optional().describe("Refused."),
  reasoning: z.unknown().optional().describe("Refused."),
  service_tier: z.unknown().optional().describe('Refused, unless "auto" or "default".'),
  stream_options: z.unknown().optional().describe("Refused, unless include_obfuscation is false."),
  top_logprobs: z.unknown().optional().describe("Refused, unless 0."),
  truncation: z.unknown().optional().describe('Refused, unless "disabled": nothing is dropped.'),
  ...sampling,
});

export type ResponseRequest = z.infer<typeof responseRequest>;

const stateless = "this server keeps no answers: send the whole conversation";

/** Fields of OpenAI's that are refused. */
export const refusedOfResponses: Readonly<Record<string, Refusal>> = {
  store: { why: stateless, neutral: [false] },
  previous_response_id: { why: stateless, neutral: [] },
  conversation: { why: stateless, neutral: [] },
  background: { why: stateless, neutral: [false] },
  include: { why: "there is nothing of the kind to include", neutral: [[]] },
  max_tool_calls: { why: "the server calls no tools itself", neutral: [] },
  prompt: { why: "this server keeps no prompts", neutral: [] },
  reasoning: { why: "models here think as their template says", neutral: [{}] },
  service_tier: { why: "this server has one; give priority", neutral: ["auto", "default"] },
  stream_options: { why: "streams are not padded", neutral: [{}, { include_obfuscation: false }] },
  top_logprobs: { why: "ask /v1/chat/completions for them", neutral: [0] },
  truncation: { why: "nothing is dropped from a conversation", neutral: ["disabled"] },
};

/** The answer of POST /v1/responses. */
export const responseAnswer = z.looseObject({
  id: z.string(),
  object: z.literal("response"),
  created_at: z.int(),
  status: z.enum(["in_progress", "completed", "incomplete"]),
  model: z.string(),
  output: z.array(z.looseObject({ type: z.enum(["message", "function_call"]), id: z.string() })),
});

/** An event of its stream. */
export const responseEvent = z.looseObject({ type: z.string(), sequence_number: z.int() });
