import type { TokenCounts } from "../choices.ts";
import type { RequestContext } from "../context.ts";
import type { AnsweredCall } from "../conversation.ts";
import { type AnswerPart, type Conversed, converse } from "../converse.ts";
import { badField } from "../errors.ts";
import { eventStream, type SendEvent } from "../event-stream.ts";
import type { ModelLease } from "../models.ts";
import type { ChatMessage, ChatRequest } from "../schemas/chat.ts";
import { type CountRequest, type MessageBlock, type MessageRequest, refusedOfMessages } from "../schemas/messages.ts";
import { refuseFields } from "../schemas/parse.ts";
import { withLease } from "../with-lease.ts";

/** The text of blocks; those that are no text are refused by their type. */
function textOf(blocks: string | readonly MessageBlock[] | undefined, place: string): string {
  if (blocks === undefined || typeof blocks === "string") return blocks ?? "";
  return blocks
    .map((block, i) => {
      if (block.type === "text") return block.text;
      throw badField(`${place}.${i}`, `a block of type ${block.type}, and models here read text only`);
    })
    .join("");
}

/** One message as one or more turns of a chat: each result of a tool is a turn of its own. */
function turnsOf({ role, content }: MessageRequest["messages"][number], place: string): ChatMessage[] {
  if (typeof content === "string") return [{ role, content }];
  const results = content.filter((block) => block.type === "tool_result");
  const calls = content.filter((block) => block.type === "tool_use");
  const rest = content.filter((block) => block.type !== "tool_result" && block.type !== "tool_use");
  if (role === "user" && calls.length > 0) throw badField(place, "a tool_use block belongs to the assistant");
  if (role === "assistant" && results.length > 0) throw badField(place, "a tool_result block belongs to the user");
  const turns: ChatMessage[] = results.map((block) => ({
    role: "tool",
    tool_call_id: block.tool_use_id,
    content: textOf(block.content as readonly MessageBlock[] | string | undefined, `${place}.tool_result`),
  }));
  const text = textOf(rest, `${place}.content`);
  if (role === "user") return text === "" && turns.length > 0 ? turns : [...turns, { role, content: text }];
  const toolCalls = calls.map(({ id, name, input }) => ({
    id,
    type: "function" as const,
    function: { name, arguments: JSON.stringify(input) },
  }));
  return [{ role, content: text, ...(toolCalls.length > 0 && { tool_calls: toolCalls }) }];
}

function choiceOf({ tool_choice: choice }: CountRequest): ChatRequest["tool_choice"] {
  if (!choice || choice.type === "auto" || choice.type === "none") return choice?.type;
  return choice.type === "any" ? "required" : { type: "function", function: { name: choice.name } };
}

/** A conversation in the words of chats. */
function conversationIn(
  body: CountRequest,
): Pick<Parameters<typeof converse>[2], "messages" | "tools" | "toolChoice" | "isParallel"> {
  const { system, messages, tools, tool_choice: choice } = body;
  const first: ChatMessage[] = system?.length ? [{ role: "system", content: textOf(system, "system") }] : [];
  const isSingle = choice && choice.type !== "none" && choice.disable_parallel_tool_use;
  return {
    messages: [...first, ...messages.flatMap((message, i) => turnsOf(message, `messages.${i}`))],
    tools: tools?.map(({ name, description, input_schema: parameters }) => ({
      type: "function",
      function: { name, description, parameters },
    })),
    toolChoice: choiceOf(body),
    isParallel: isSingle ? false : undefined,
  };
}

type Fields = Readonly<Record<string, unknown>>;

function usageOf({ prompt, cached, completion }: TokenCounts): Fields {
  return {
    input_tokens: prompt - cached,
    cache_read_input_tokens: cached,
    cache_creation_input_tokens: 0,
    cache_creation: null,
    server_tool_use: null,
    service_tier: "standard",
    inference_geo: null,
    output_tokens: completion,
  };
}

function blockOf(part: AnswerPart): Fields {
  if ("text" in part) return { type: "text", text: part.text, citations: null };
  return {
    type: "tool_use",
    id: part.id,
    name: part.name,
    input: JSON.parse(part.arguments),
    caller: { type: "direct" },
  };
}

function stopOf({ parts, choice }: Conversed): { readonly stop_reason: string; readonly stop_sequence: string | null } {
  if (choice.stop !== undefined) return { stop_reason: "stop_sequence", stop_sequence: choice.stop };
  const called = parts.some((part) => "id" in part);
  const ended = called ? "tool_use" : "end_turn";
  return { stop_reason: choice.finishReason === "length" ? "max_tokens" : ended, stop_sequence: null };
}

/** One run of POST /v1/messages. */
class MessageRun {
  readonly #context: RequestContext;
  readonly #run: ReturnType<typeof converse>;
  readonly #head: Fields;

  constructor(body: MessageRequest, lease: ModelLease, context: RequestContext) {
    this.#context = context;
    const { stop_sequences: stop, ...rest } = body;
    this.#run = converse(lease, context, {
      ...conversationIn(body),
      body: { ...rest, stop: stop ?? undefined },
      length: { asked: body.max_tokens, field: "max_tokens" },
    });
    this.#head = { id: `msg_${context.id}`, type: "message", role: "assistant", model: body.model, container: null };
  }

  async answer(): Promise<object> {
    const conversed = await this.#run.run();
    const content = conversed.parts.map(blockOf);
    return { ...this.#head, content, ...stopOf(conversed), usage: usageOf(conversed.counts) };
  }

  stream(): Promise<Response> {
    return eventStream(this.#context, (send) => this.#send(send), {
      onError: ({ type, message }) => ({ name: "error", data: { type: "error", error: { type, message } } }),
    });
  }

  async #send(send: SendEvent): Promise<void> {
    const emit = (type: string, fields: Fields = {}): void => send({ type, ...fields }, type);
    const counts = { prompt: this.#run.promptTokens, cached: 0, completion: 0 }; // what is cached is known at the end
    emit("message_start", {
      message: { ...this.#head, content: [], stop_reason: null, stop_sequence: null, usage: usageOf(counts) },
    });
    let index = -1;
    let isText = false;
    const close = (): void => {
      if (isText) emit("content_block_stop", { index });
      isText = false;
    };
    const onText = (text: string): void => {
      if (!isText) emit("content_block_start", { index: ++index, content_block: blockOf({ text: "" }) });
      isText = true;
      emit("content_block_delta", { index, delta: { type: "text_delta", text } });
    };
    const onCall = (call: AnsweredCall): void => {
      close();
      emit("content_block_start", { index: ++index, content_block: { ...blockOf(call), input: {} } });
      emit("content_block_delta", { index, delta: { type: "input_json_delta", partial_json: call.arguments } });
      emit("content_block_stop", { index });
    };
    const conversed = await this.#run.run({ onText, onCall });
    close();
    emit("message_delta", { delta: { ...stopOf(conversed), container: null }, usage: usageOf(conversed.counts) });
    emit("message_stop");
  }
}

/** POST /v1/messages */
export async function messages(body: MessageRequest, context: RequestContext): Promise<object> {
  refuseFields(body, refusedOfMessages);
  return withLease(body.model, context, async (lease) => {
    const run = new MessageRun(body, lease, context);
    return body.stream ? run.stream() : run.answer();
  });
}

/** POST /v1/messages/count_tokens */
export async function countMessageTokens(body: CountRequest, context: RequestContext): Promise<object> {
  refuseFields(body, refusedOfMessages);
  return withLease(body.model, context, async (lease) => {
    const request = {
      ...conversationIn(body),
      body: { model: body.model },
      length: { asked: undefined, field: "max_tokens" },
    };
    return { input_tokens: converse(lease, context, request).promptTokens };
  });
}
