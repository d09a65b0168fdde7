import { Template } from "@huggingface/jinja";
import { check, LecternError } from "../common/index.ts";
import type { FileSource } from "../runtime/index.ts";
import { type MarkedChat, marksAnswers, readMarks, withMarks, withoutMarks } from "./chat-answers.ts";
import { strftime } from "./strftime.ts";

/** One turn of a conversation, and whatever else a template reads of it, such as `tool_calls`. */
export interface Message {
  readonly role: string;
  /** A text, or parts of which those with a text are read; absent or null where a turn only calls tools. */
  readonly content?: string | readonly MessagePart[] | null;
  readonly [field: string]: unknown;
}

export interface MessagePart {
  readonly type: string;
  readonly text?: string;
  readonly [field: string]: unknown;
}

export interface ChatOptions {
  /** Whether the text ends where the assistant begins to speak; default true. */
  readonly addGenerationPrompt?: boolean | undefined;
  /** Whether the text ends within the last message, so that the model goes on with it. */
  readonly continueFinalMessage?: boolean | undefined;
  /** Functions that the model may call, as JSON schemas. */
  readonly tools?: readonly object[] | undefined;
  /** Texts that the model may answer from. */
  readonly documents?: readonly object[] | undefined;
  /** One of the checkpoint's templates by its name, or a template itself; default `tool_use` where tools are given and there is one. */
  readonly chatTemplate?: string | undefined;
  /** What else the template reads, such as `enable_thinking`. */
  readonly chatTemplateArguments?: Readonly<Record<string, unknown>> | undefined;
}

/** A checkpoint's templates by name; the usual one is called `default`. */
export type ChatTemplates = Readonly<Record<string, string>>;

/** Reads a checkpoint's templates: files of their own go before `tokenizer_config.json`. */
export async function readChatTemplates(
  files: FileSource,
  config: Readonly<Record<string, unknown>>,
): Promise<ChatTemplates> {
  const templates: Record<string, string> = {};
  const { chat_template: given } = config;
  if (typeof given === "string") templates.default = given;
  for (const entry of Array.isArray(given) ? given : []) {
    const { name, template } = entry as { name?: unknown; template?: unknown };
    check(
      typeof name === "string" && typeof template === "string",
      "file",
      () => `${files.location}: tokenizer_config.json: each of several chat templates needs a name and a template`,
    );
    templates[name] = template;
  }
  if (!(await files.has("chat_template.jinja"))) return templates;
  templates.default = await files.readText("chat_template.jinja");
  for (const name of ADDITIONAL) {
    const path = `additional_chat_templates/${name}.jinja`;
    if (await files.has(path)) templates[name] = await files.readText(path);
  }
  return templates;
}

/** The names that templates beside `chat_template.jinja` have; a directory may not be listed, so they are asked for. */
const ADDITIONAL = ["tool_use", "rag"];

type SpecialTokens = Readonly<Record<string, string | undefined>>;

/** A conversation as the text that a model was trained on. */
export function renderChat(
  templates: ChatTemplates,
  messages: readonly Message[],
  options: ChatOptions,
  special: SpecialTokens,
): string {
  return rendered(chosenTemplate(templates, options.chatTemplate, options.tools), messages, options, special);
}

/** A conversation whose answers the template marks; undefined where it has no `{% generation %}`. */
export function renderMarkedChat(
  templates: ChatTemplates,
  messages: readonly Message[],
  options: ChatOptions,
  special: SpecialTokens,
): MarkedChat | undefined {
  const template = chosenTemplate(templates, options.chatTemplate, options.tools);
  if (!marksAnswers(template)) return undefined;
  const marked = readMarks(rendered(withMarks(template), messages, options, special));
  const isSame = marked.text === rendered(template, messages, options, special);
  check(isSame, "input", () => "the model's chat template changes what its {% generation %} blocks hold");
  return marked;
}

function rendered(
  template: string,
  messages: readonly Message[],
  { addGenerationPrompt = true, continueFinalMessage = false, tools, documents, ...options }: ChatOptions,
  special: SpecialTokens,
): string {
  check(messages.length > 0, "input", () => "chat: a conversation needs at least one message");
  for (const [i, message] of messages.entries())
    check(
      typeof message === "object" && message !== null && typeof message.role === "string",
      "input",
      () => `chat: message ${i} must be an object with a role, such as { role: "user", content: "…" }`,
    );
  const given = continueFinalMessage ? withMark(messages) : messages;
  const text = render(template, {
    ...special,
    ...options.chatTemplateArguments,
    messages: structuredClone(given),
    tools: tools ? structuredClone(tools) : null, // as in Python, where they are there and None
    documents: documents ? structuredClone(documents) : null,
    add_generation_prompt: addGenerationPrompt && !continueFinalMessage,
    lectern_strftime_now: (format: string) => strftime(new Date(), format),
  });
  return continueFinalMessage ? cutAtMark(text, lastText(messages)) : text;
}

function render(template: string, context: Record<string, unknown>): string {
  try {
    return compiled(template).render(context);
  } catch (cause) {
    const { message } = cause as Error;
    throw new LecternError("input", `the model's chat template refuses the conversation: ${message}`, { cause });
  }
}

const cache = new Map<string, Template>();

function compiled(template: string): Template {
  let parsed = cache.get(template);
  if (!parsed) {
    // The engine keeps the line ends of Windows, which Jinja does not, and names months in the language of the machine.
    const text = withoutMarks(template).replaceAll(/\r\n?/g, "\n");
    parsed = new Template(text.replace(/\bstrftime_now\s*\(/g, "lectern_strftime_now("));
    cache.set(template, parsed);
  }
  return parsed;
}

function chosenTemplate(
  templates: ChatTemplates,
  asked: string | undefined,
  tools: readonly object[] | undefined,
): string {
  const names = Object.keys(templates);
  if (asked !== undefined) {
    const named = Object.hasOwn(templates, asked) ? templates[asked] : undefined;
    check(
      named !== undefined || /\{[{%]/.test(asked),
      "usage",
      () => `chat: there is no template called ${asked}; this model has ${names.join(", ") || "none"}`,
    );
    return named ?? asked;
  }
  check(names.length > 0, "input", () => "this model has no chat template: give it a prompt instead of messages");
  const template = (tools && templates.tool_use) ?? templates.default;
  if (template === undefined)
    throw new LecternError(
      "usage",
      `chat: this model has several templates: choose one with chatTemplate: ${names.join(", ")}`,
    );
  return template;
}

/** Marks the place where the last message ends, to be found again in the text. */
const MARK = "CONTINUE_FINAL_MESSAGE_TAG ";

function lastText(messages: readonly Message[]): string {
  const content = messages.at(-1)?.content;
  const text = Array.isArray(content) ? content.findLast((part) => part.text !== undefined)?.text : content;
  check(
    typeof text === "string",
    "input",
    () => "chat: continueFinalMessage needs a last message with text to go on from",
  );
  return text;
}

function withMark(messages: readonly Message[]): readonly Message[] {
  const last = messages.at(-1) as Message;
  lastText(messages);
  const { content } = last;
  if (typeof content === "string") return [...messages.slice(0, -1), { ...last, content: content + MARK }];
  const parts = [...((content ?? []) as readonly MessagePart[])];
  const at = parts.findLastIndex((part) => part.text !== undefined);
  const part = parts[at] as MessagePart;
  return [...messages.slice(0, -1), { ...last, content: parts.with(at, { ...part, text: `${part.text}${MARK}` }) }];
}

/** The text up to the mark; where the template strips messages, its last spaces go too. */
function cutAtMark(text: string, final: string): string {
  const at = text.lastIndexOf(MARK.trim());
  check(
    at >= 0 && text.includes(final.trim()),
    "input",
    () =>
      "chat: continueFinalMessage: the template does not write the last message as it is, so the model cannot go on with it",
  );
  return text.startsWith(MARK, at) ? text.slice(0, at) : text.slice(0, at).trimEnd();
}
