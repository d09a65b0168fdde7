import type { JsonSchema } from "../inference/index.ts";
import type { Message } from "../tokenizers/index.ts";
import { bareCall, type ToolCallForm, ToolCallReader } from "../tokenizers/index.ts";
import { encodeChat, encodePrompt, tokenizerOf } from "./context.ts";
import { calledTools, enforcedCall } from "./enforced-calls.ts";
import { ApiError, badField } from "./errors.ts";
import type { ModelLease } from "./models.ts";
import type { ChatMessage, ChatRequest, Tool } from "./schemas/chat.ts";

/** A called function's arguments as an object, as templates read them. */
function argumentsOf(text: string, place: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // reported below
  }
  throw badField(place, "must be a JSON object in a text");
}

/** Messages as chat templates read them. */
export function templateMessages(messages: readonly ChatMessage[]): Message[] {
  return messages.map((message, i): Message => {
    if (message.role === "developer") return { ...message, role: "system" };
    if (message.role !== "assistant") return message;
    const { tool_calls: calls, refusal, audio, function_call, annotations, ...rest } = message;
    if (!calls) return { ...rest, content: rest.content ?? "" };
    const read = calls.map(({ id, type, function: called }, j) => ({
      id,
      type,
      function: {
        name: called.name,
        arguments: argumentsOf(called.arguments, `messages.${i}.tool_calls.${j}.function.arguments`),
      },
    }));
    return { ...rest, content: rest.content ?? "", tool_calls: read };
  });
}

/** The token ids of a conversation, and the form of the calls that its answer may hold. */
export interface Conversation {
  readonly ids: readonly number[];
  readonly form: ToolCallForm | undefined;
  /** The schema of the call that the answer must be; undefined where it may be anything. */
  readonly schema?: JsonSchema | undefined;
}

type ConversationBody = Pick<
  ChatRequest,
  | "messages"
  | "tools"
  | "tool_choice"
  | "parallel_tool_calls"
  | "chat_template_kwargs"
  | "add_generation_prompt"
  | "continue_final_message"
  | "documents"
>;

/** The tools that the model is shown. */
function toolsOf({
  tools,
  tool_choice: choice,
  parallel_tool_calls: isParallel,
}: ConversationBody): Tool[] | undefined {
  const shown = tools?.length ? tools : undefined;
  const isEnforced = calledTools(shown, choice) !== undefined;
  if (!shown || choice === "none") return undefined;
  if (isEnforced) return shown;
  const strict = shown.findIndex((tool) => tool.function.strict);
  if (strict >= 0)
    throw new ApiError(
      400,
      `tools.${strict}.function.strict: arguments are enforced where a call is: give tool_choice required or the tool's name, or leave it out`,
      {
        param: `tools.${strict}.function.strict`,
        code: "unsupported_parameter",
      },
    );
  if (isParallel === false)
    throw new ApiError(
      400,
      "parallel_tool_calls: a single call is enforced where one is: give tool_choice required, or leave it out",
      {
        param: "parallel_tool_calls",
        code: "unsupported_parameter",
      },
    );
  return shown;
}

/** Fields that are null or missing are left out, since templates write them. */
function plainTool({ type, function: { name, description, parameters } }: Tool): object {
  return { type, function: { name, ...(description && { description }), ...(parameters && { parameters }) } };
}

/** The only text of a conversation with an encoder–decoder that has no chat template. */
function onlyText(messages: readonly ChatMessage[]): string {
  const [message] = messages;
  if (messages.length !== 1 || message?.role !== "user")
    throw badField("messages", "this model answers one user message, as it has no chat template");
  if (typeof message.content === "string") return message.content;
  return message.content
    .map(({ type, text }, i) => {
      if (type === "text" && text !== undefined) return text;
      throw badField(`messages.0.content.${i}`, `a part of type ${type.slice(0, 40)}, and this model reads text only`);
    })
    .join("");
}

/** A conversation as the model reads it. */
export function conversationOf(body: ConversationBody, { model }: ModelLease): Conversation {
  const tools = toolsOf(body);
  if (model.isEncoderDecoder && !model.tokenizer?.hasChatTemplate) {
    if (tools) throw badField("tools", "this model has no chat template that writes tools");
    return { ids: encodePrompt(model, onlyText(body.messages)), form: undefined };
  }
  const chat = {
    tools: tools?.map(plainTool),
    documents: body.documents ?? undefined,
    addGenerationPrompt: body.add_generation_prompt ?? undefined,
    continueFinalMessage: body.continue_final_message ?? undefined,
    chatTemplateArguments: body.chat_template_kwargs ?? undefined,
  };
  const ids = encodeChat(model, templateMessages(body.messages), chat);
  if (!tools) return { ids, form: undefined };
  const form = tokenizerOf(model).toolCallForm(chat);
  if (!form) throw badField("tools", "the model's chat template writes no calls of tools");
  const called = calledTools(tools, body.tool_choice);
  if (!called) return { ids, form };
  const { lead, schema } = enforcedCall(called, form);
  const led = lead === "" ? [] : tokenizerOf(model).encode(lead, { addSpecialTokens: false }).ids;
  return { ids: [...ids, ...led], form: bareCall, schema };
}

/** A call in an answer. */
export interface AnsweredCall {
  readonly id: string;
  readonly name: string;
  /** The arguments as JSON. */
  readonly arguments: string;
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/** A name for a call: nine letters and digits, as some templates demand. */
function callId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return Array.from(bytes, (byte) => letters[byte % letters.length]).join("");
}

/** Splits an answer, as it grows, into text and calls. */
export class AnswerReader {
  readonly #reader: ToolCallReader | undefined;
  readonly calls: AnsweredCall[] = [];
  text = "";

  constructor(form: ToolCallForm | undefined) {
    this.#reader = form && new ToolCallReader(form);
  }

  push(piece: string): { readonly text: string; readonly calls: readonly AnsweredCall[] } {
    return this.#add(this.#reader?.push(piece) ?? { text: piece, calls: [] });
  }

  end(): { readonly text: string; readonly calls: readonly AnsweredCall[] } {
    return this.#add(this.#reader?.end() ?? { text: "", calls: [] });
  }

  #add({ text, calls }: ReturnType<ToolCallReader["end"]>): {
    readonly text: string;
    readonly calls: readonly AnsweredCall[];
  } {
    const named = calls.map(({ name, arguments: args }) => ({ id: callId(), name, arguments: JSON.stringify(args) }));
    this.text += text;
    this.calls.push(...named);
    return { text, calls: named };
  }
}
