import { z } from "zod";
import type { Refusal } from "./parse.ts";
import { MOST_STOPS, samplingFields } from "./sampling.ts";

const cache = z.strictObject({ type: z.literal("ephemeral"), ttl: z.string().optional() }).nullish();
const cached = { cache_control: cache.describe("A hint; every prefix is kept as memory allows.") };

const text = z.strictObject({ type: z.literal("text"), text: z.string(), citations: z.null().optional(), ...cached });
const media = z.looseObject({ type: z.enum(["image", "document", "thinking", "redacted_thinking", "search_result"]) });
const toolUse = z.strictObject({
  type: z.literal("tool_use"),
  id: z.string(),
  name: z.string(),
  input: z.record(z.string(), z.unknown()),
  caller: z.looseObject({ type: z.literal("direct") }).optional(),
  ...cached,
});
const toolResult = z.strictObject({
  type: z.literal("tool_result"),
  tool_use_id: z.string(),
  content: z.union([z.string(), z.array(z.union([text, media]))]).optional(),
  is_error: z.boolean().nullish(),
  ...cached,
});
const block = z.discriminatedUnion("type", [text, toolUse, toolResult, media]);

export type MessageBlock = z.infer<typeof block>;

const tool = z.strictObject({
  type: z.literal("custom").nullish(),
  name: z.string().regex(/^[\w.-]{1,128}$/),
  description: z.string().nullish(),
  input_schema: z.record(z.string(), z.unknown()),
  ...cached,
});

const conversation = {
  model: z.string(),
  messages: z
    .array(
      z.strictObject({ role: z.enum(["user", "assistant"]), content: z.union([z.string(), z.array(block).min(1)]) }),
    )
    .min(1),
  system: z.union([z.string(), z.array(text)]).nullish(),
  tools: z.array(tool).nullish(),
  tool_choice: z
    .discriminatedUnion("type", [
      z.strictObject({ type: z.literal("auto"), disable_parallel_tool_use: z.boolean().nullish() }),
      z.strictObject({ type: z.literal("any"), disable_parallel_tool_use: z.boolean().nullish() }),
      z.strictObject({ type: z.literal("tool"), name: z.string(), disable_parallel_tool_use: z.boolean().nullish() }),
      z.strictObject({ type: z.literal("none") }),
    ])
    .nullish(),
  thinking: z.unknown().optional().describe('Refused, unless { type: "disabled" }.'),
  output_config: z.unknown().optional().describe("Refused."),
  cache_control: cache.describe("A hint; every prefix is kept as memory allows."),
};

const { n, stop, logit_bias, frequency_penalty, presence_penalty, stream_options, user, ...sampling } = samplingFields;

/** The body of POST /v1/messages. */
export const messageRequest = z.strictObject({
  ...sampling,
  ...conversation,
  max_tokens: z.int().min(1),
  stop_sequences: z.array(z.string().min(1)).max(MOST_STOPS).nullish(),
  metadata: z.strictObject({ user_id: z.string().nullish() }).nullish().describe("A label; it changes nothing."),
  service_tier: z.unknown().optional().describe('Refused, unless "auto" or "standard_only".'),
  container: z.unknown().optional().describe("Refused."),
  mcp_servers: z.unknown().optional().describe("Refused."),
  context_management: z.unknown().optional().describe("Refused."),
});

export type MessageRequest = z.infer<typeof messageRequest>;

/** The body of POST /v1/messages/count_tokens. */
export const countRequest = z.strictObject(conversation);

export type CountRequest = z.infer<typeof countRequest>;

/** Fields of Anthropic's that are refused. */
export const refusedOfMessages: Readonly<Record<string, Refusal>> = {
  thinking: { why: "models here think as their template says", neutral: [{ type: "disabled" }] },
  output_config: { why: "ask for the form in the prompt", neutral: [{}] },
  service_tier: { why: "this server has one; give priority", neutral: ["auto", "standard_only"] },
  container: { why: "this server runs no code", neutral: [] },
  mcp_servers: { why: "the server calls no tools itself", neutral: [[]] },
  context_management: { why: "nothing is dropped from a conversation", neutral: [] },
};

const messageUsage = z.object({
  input_tokens: z.int().describe("Prompt tokens that were computed."),
  cache_read_input_tokens: z.int().describe("Prompt tokens that an earlier text began with."),
  cache_creation_input_tokens: z.literal(0),
  output_tokens: z.int(),
});

/** The answer of POST /v1/messages. */
export const messageResponse = z.looseObject({
  id: z.string(),
  type: z.literal("message"),
  role: z.literal("assistant"),
  model: z.string(),
  content: z.array(
    z.union([
      z.object({ type: z.literal("text"), text: z.string(), citations: z.null() }),
      z.looseObject({
        type: z.literal("tool_use"),
        id: z.string(),
        name: z.string(),
        input: z.record(z.string(), z.unknown()),
      }),
    ]),
  ),
  stop_reason: z.enum(["end_turn", "max_tokens", "stop_sequence", "tool_use"]).nullable(),
  stop_sequence: z.string().nullable(),
  usage: messageUsage.loose(),
});

/** An event of its stream. */
export const messageEvent = z.looseObject({ type: z.string() });

export const countResponse = z.object({ input_tokens: z.int() });
