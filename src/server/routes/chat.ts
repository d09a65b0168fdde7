import { type Choice, type ChoicesRequest, type ChoiceToken, generateChoices } from "../choices.ts";
import { checkGenerates, type RequestContext, tokenTexts } from "../context.ts";
import { type AnsweredCall, AnswerReader, type Conversation, conversationOf } from "../conversation.ts";
import { ApiError, badField } from "../errors.ts";
import { eventStream, type SendEvent } from "../event-stream.ts";
import { chatLogProbs } from "../log-probs.ts";
import type { ModelLease } from "../models.ts";
import { countTokens, now, prepare } from "../prepare.ts";
import {
  type ChatChunk,
  type ChatLogProbs,
  type ChatRequest,
  type ChatResponse,
  refusedOfChats,
} from "../schemas/chat.ts";
import { refuseFields } from "../schemas/parse.ts";
import { answerSchema } from "../structured-output.ts";
import { usageOf } from "../usage.ts";
import { withLease } from "../with-lease.ts";

type Delta = ChatChunk["choices"][number]["delta"];
type Finish = NonNullable<ChatChunk["choices"][number]["finish_reason"]>;

/** One run of POST /v1/chat/completions. */
class Chat {
  readonly #body: ChatRequest;
  readonly #lease: ModelLease;
  readonly #context: RequestContext;
  readonly #conversation: Conversation;
  readonly #request: ChoicesRequest;
  readonly #head: Pick<ChatResponse, "id" | "created" | "model">;

  constructor(body: ChatRequest, lease: ModelLease, context: RequestContext) {
    this.#body = body;
    this.#lease = lease;
    this.#context = context;
    this.#conversation = conversationOf(body, lease);
    this.#head = { id: `chatcmpl-${context.id}`, created: now(), model: body.model };
    const { max_tokens: older, max_completion_tokens: newer, logprobs, top_logprobs: top } = body;
    if (older && newer) throw badField("max_tokens", "max_completion_tokens is given too: leave one out");
    if (typeof top === "number" && !logprobs) throw badField("top_logprobs", "it needs logprobs: true");
    const length = {
      asked: newer ?? older ?? undefined,
      field: older ? "max_tokens" : "max_completion_tokens",
      preset: Number(lease.model.generationConfig.max_new_tokens ?? Number.POSITIVE_INFINITY),
    };
    const rows = [this.#conversation.ids];
    const logProbs = logprobs ? (top ?? 0) : undefined;
    const { response_format: asked, tools } = body;
    const format = asked?.type === "json_schema" ? { type: asked.type, schema: asked.json_schema.schema } : asked;
    const schema = answerSchema(format, tools, "response_format") ?? this.#conversation.schema;
    const request = prepare(lease, context, { body, rows, count: body.n ?? 1, length, logProbs, schema });
    this.#request = { ...request, keepsSpecialTokens: this.#conversation.form !== undefined };
  }

  #logProbs(tokens: readonly ChoiceToken[]): ChatLogProbs | null {
    return this.#body.logprobs ? chatLogProbs(tokens, tokenTexts(this.#lease.model)) : null;
  }

  async answer(): Promise<ChatResponse> {
    const { choices, counts } = await generateChoices(this.#request);
    countTokens(this.#body.model, counts, this.#context);
    return {
      ...this.#head,
      object: "chat.completion",
      choices: choices.map((choice) => this.#choice(choice)),
      usage: usageOf(counts),
    };
  }

  #choice({ index, text, tokens, finishReason }: Choice): ChatResponse["choices"][number] {
    const reader = new AnswerReader(this.#conversation.form);
    reader.push(text);
    reader.end();
    const { calls } = reader;
    const content = calls.length > 0 && reader.text === "" ? null : reader.text;
    return {
      index,
      message: {
        role: "assistant",
        content,
        refusal: null,
        ...(calls.length > 0 && { tool_calls: calls.map(toolCall) }),
      },
      logprobs: this.#logProbs(tokens),
      finish_reason: finishOf(finishReason, calls),
    };
  }

  stream(): Promise<Response> {
    return eventStream(this.#context, (send) => this.#send(send), { end: "[DONE]" });
  }

  async #send(send: SendEvent): Promise<void> {
    const withUsage = this.#body.stream_options?.include_usage;
    const readers = Array.from({ length: this.#request.count }, () => new AnswerReader(this.#conversation.form));
    const chunk = (
      index: number,
      delta: Delta,
      tokens: readonly ChoiceToken[] = [],
      finish: Finish | null = null,
    ): void => {
      const choice = {
        index,
        delta,
        logprobs: tokens.length > 0 ? this.#logProbs(tokens) : null,
        finish_reason: finish,
      };
      const head = { ...this.#head, object: "chat.completion.chunk" as const };
      send({ ...head, choices: [choice], ...(withUsage && { usage: null }) } satisfies ChatChunk);
    };
    const parts = (
      index: number,
      { text, calls }: ReturnType<AnswerReader["end"]>,
      tokens: readonly ChoiceToken[],
    ): void => {
      const hasLogProbs = this.#body.logprobs && tokens.length > 0;
      if (text !== "" || hasLogProbs) chunk(index, { content: text }, tokens);
      const before = (readers[index]?.calls.length ?? 0) - calls.length;
      for (const [i, call] of calls.entries()) chunk(index, { tool_calls: [{ ...toolCall(call), index: before + i }] });
    };
    let begun = false;
    const begin = (): void => {
      if (begun) return;
      begun = true;
      for (const index of readers.keys()) chunk(index, { role: "assistant", content: "" });
    };
    const { choices, counts } = await generateChoices({
      ...this.#request,
      onPiece: ({ index, text, tokens }) => {
        begin();
        parts(index, (readers[index] as AnswerReader).push(text), tokens);
      },
    });
    begin();
    for (const { index, finishReason } of choices) {
      const reader = readers[index] as AnswerReader;
      parts(index, reader.end(), []);
      chunk(index, {}, [], finishOf(finishReason, reader.calls));
    }
    countTokens(this.#body.model, counts, this.#context);
    if (withUsage)
      send({ ...this.#head, object: "chat.completion.chunk", choices: [], usage: usageOf(counts) } satisfies ChatChunk);
  }
}

function toolCall({
  id,
  name,
  arguments: args,
}: AnsweredCall): NonNullable<ChatResponse["choices"][number]["message"]["tool_calls"]>[number] {
  return { id, type: "function", function: { name, arguments: args } };
}

function finishOf(reason: Choice["finishReason"], calls: readonly AnsweredCall[]): Finish {
  return calls.length > 0 && reason === "stop" ? "tool_calls" : reason;
}

/** POST /v1/chat/completions */
export async function chatCompletions(body: ChatRequest, context: RequestContext): Promise<object> {
  refuseFields(body, refusedOfChats);
  if (body.stream_options && !body.stream)
    throw new ApiError(400, "stream_options: they are for streams; set stream", {
      param: "stream_options",
      code: "invalid_value",
    });
  return withLease(body.model, context, async (lease) => {
    checkGenerates(lease);
    const chat = new Chat(body, lease, context);
    return body.stream ? chat.stream() : chat.answer();
  });
}
