import type { TokenCounts } from "../choices.ts";
import type { RequestContext } from "../context.ts";
import type { AnsweredCall } from "../conversation.ts";
import { type AnswerPart, type Conversed, converse } from "../converse.ts";
import { eventStream, type SendEvent } from "../event-stream.ts";
import type { ModelLease } from "../models.ts";
import { now } from "../prepare.ts";
import type { ChatMessage } from "../schemas/chat.ts";
import { refuseFields } from "../schemas/parse.ts";
import { type ResponseRequest, refusedOfResponses } from "../schemas/responses.ts";
import { answerSchema } from "../structured-output.ts";
import { withLease } from "../with-lease.ts";

type Item = Exclude<ResponseRequest["input"], string>[number];
type Content = Extract<Item, { role: string }>["content"];

/** Parts of a content in the words of chats; parts that are no text keep their type, and are refused by it. */
function contentOf(content: Content): ChatMessage["content"] & {} {
  if (typeof content === "string") return content;
  return content.map((part) =>
    part.type === "input_text" || part.type === "output_text" ? { type: "text", text: part.text ?? "" } : part,
  );
}

/** The items of a request as a chat; calls that follow one another are one turn. */
function messagesOf({ input, instructions }: ResponseRequest): ChatMessage[] {
  const messages: ChatMessage[] = instructions ? [{ role: "system", content: instructions }] : [];
  const items: readonly Item[] = typeof input === "string" ? [{ role: "user", content: input }] : input;
  for (const item of items) {
    const last = messages.at(-1);
    if (item.type === "function_call") {
      const call = {
        id: item.call_id,
        type: "function" as const,
        function: { name: item.name, arguments: item.arguments },
      };
      if (last?.role === "assistant")
        messages[messages.length - 1] = { ...last, tool_calls: [...(last.tool_calls ?? []), call] };
      else messages.push({ role: "assistant", content: null, tool_calls: [call] });
    } else if (item.type === "function_call_output")
      messages.push({ role: "tool", tool_call_id: item.call_id, content: contentOf(item.output) });
    else messages.push({ role: item.role, content: contentOf(item.content) });
  }
  return messages;
}

type ResponseObject = Readonly<Record<string, unknown>>;

/** One run of POST /v1/responses. */
class ResponseRun {
  readonly #context: RequestContext;
  readonly #head: ResponseObject;
  readonly #run: ReturnType<typeof converse>;

  constructor(body: ResponseRequest, lease: ModelLease, context: RequestContext) {
    this.#context = context;
    const { tools, tool_choice: choice } = body;
    this.#run = converse(lease, context, {
      body,
      messages: messagesOf(body),
      tools: tools?.map(({ type, ...called }) => ({ type, function: called })),
      toolChoice: choice && typeof choice === "object" ? { type: "function", function: { name: choice.name } } : choice,
      isParallel: body.parallel_tool_calls ?? undefined,
      length: { asked: body.max_output_tokens ?? undefined, field: "max_output_tokens" },
      schema: answerSchema(body.text?.format, tools, "text.format"),
    });
    this.#head = {
      id: `resp_${context.id}`,
      object: "response",
      created_at: now(),
      error: null,
      incomplete_details: null,
      instructions: body.instructions ?? null,
      max_output_tokens: body.max_output_tokens ?? null,
      model: body.model,
      parallel_tool_calls: true,
      previous_response_id: null,
      store: false,
      temperature: body.temperature ?? null,
      top_p: body.top_p ?? null,
      text: { format: body.text?.format ?? { type: "text" } },
      tool_choice: choice ?? "auto",
      tools: (tools ?? []).map((tool) => ({
        ...tool,
        parameters: tool.parameters ?? null,
        strict: tool.strict ?? false,
      })),
      truncation: "disabled",
      metadata: body.metadata ?? {},
      ...(typeof body.user === "string" && { user: body.user }),
    };
  }

  #item(part: AnswerPart, index: number, status: "in_progress" | "completed" | "incomplete"): ResponseObject {
    if ("text" in part) {
      const content = [{ type: "output_text", text: part.text, annotations: [], logprobs: [] }];
      return { type: "message", id: `msg_${this.#context.id}_${index}`, status, role: "assistant", content };
    }
    const { id, name, arguments: args } = part;
    return { type: "function_call", id: `fc_${this.#context.id}_${index}`, call_id: id, name, arguments: args, status };
  }

  #finished({ parts, choice, counts }: Conversed): ResponseObject {
    const isWhole = choice.finishReason === "stop";
    const status = isWhole ? "completed" : "incomplete";
    const output = parts.map((part, i) =>
      this.#item(part, i, !isWhole && i === parts.length - 1 ? "incomplete" : "completed"),
    );
    const details = isWhole ? null : { reason: "max_output_tokens" };
    return { ...this.#head, status, incomplete_details: details, output, usage: usageOf(counts) };
  }

  async answer(): Promise<object> {
    return this.#finished(await this.#run.run());
  }

  stream(): Promise<Response> {
    return eventStream(this.#context, (send) => this.#send(send), {
      onError: ({ message, code }) => ({
        name: "error",
        data: { type: "error", code, message, param: null, sequence_number: 0 },
      }),
    });
  }

  async #send(send: SendEvent): Promise<void> {
    let sequence = 0;
    const emit: Emit = (type, fields) => send({ type, sequence_number: sequence++, ...fields }, type);
    const started = { ...this.#head, status: "in_progress", output: [] };
    emit("response.created", { response: started });
    emit("response.in_progress", { response: started });
    const items = new StreamedItems(emit, (part, index, status) => this.#item(part, index, status));
    const conversed = await this.#run.run({
      onText: (text) => items.addText(text),
      onCall: (call) => items.addCall(call),
    });
    const isWhole = conversed.choice.finishReason === "stop";
    items.closeText(isWhole ? "completed" : "incomplete");
    emit(isWhole ? "response.completed" : "response.incomplete", { response: this.#finished(conversed) });
  }
}

type Emit = (type: string, fields: ResponseObject) => void;
type MakeItem = (part: AnswerPart, index: number, status: "in_progress" | "completed" | "incomplete") => ResponseObject;

/** The events of output items as they grow. */
class StreamedItems {
  readonly #emit: Emit;
  readonly #item: MakeItem;
  #index = 0;
  #text: string | undefined;

  constructor(emit: Emit, item: MakeItem) {
    this.#emit = emit;
    this.#item = item;
  }

  get #place(): ResponseObject {
    const { id } = this.#item({ text: "" }, this.#index, "in_progress");
    return { item_id: id, output_index: this.#index, content_index: 0 };
  }

  addText(delta: string): void {
    if (this.#text === undefined) {
      this.#text = "";
      const item = { ...this.#item({ text: "" }, this.#index, "in_progress"), content: [] };
      this.#emit("response.output_item.added", { output_index: this.#index, item });
      this.#emit("response.content_part.added", {
        ...this.#place,
        part: { type: "output_text", text: "", annotations: [], logprobs: [] },
      });
    }
    this.#text += delta;
    this.#emit("response.output_text.delta", { ...this.#place, delta, logprobs: [] });
  }

  /** Ends the text item that is open, if one is. */
  closeText(status: "completed" | "incomplete"): void {
    const text = this.#text;
    if (text === undefined) return;
    this.#emit("response.output_text.done", { ...this.#place, text, logprobs: [] });
    this.#emit("response.content_part.done", {
      ...this.#place,
      part: { type: "output_text", text, annotations: [], logprobs: [] },
    });
    this.#emit("response.output_item.done", {
      output_index: this.#index,
      item: this.#item({ text }, this.#index, status),
    });
    this.#text = undefined;
    this.#index++;
  }

  addCall(call: AnsweredCall): void {
    this.closeText("completed");
    const item = this.#item(call, this.#index, "completed");
    const place = { item_id: item.id, output_index: this.#index };
    const { arguments: args, name } = call;
    this.#emit("response.output_item.added", {
      output_index: this.#index,
      item: { ...item, arguments: "", status: "in_progress" },
    });
    this.#emit("response.function_call_arguments.delta", { ...place, delta: args });
    this.#emit("response.function_call_arguments.done", { ...place, arguments: args, name });
    this.#emit("response.output_item.done", { output_index: this.#index, item });
    this.#index++;
  }
}

function usageOf({ prompt, cached, completion }: TokenCounts): ResponseObject {
  return {
    input_tokens: prompt,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: completion,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: prompt + completion,
  };
}

/** POST /v1/responses */
export async function responses(body: ResponseRequest, context: RequestContext): Promise<object> {
  refuseFields(body, refusedOfResponses);
  return withLease(body.model, context, async (lease) => {
    const run = new ResponseRun(body, lease, context);
    return body.stream ? run.stream() : run.answer();
  });
}
