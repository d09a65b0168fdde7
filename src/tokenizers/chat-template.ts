import { check, LecternError, ownEntry, shown } from "../common/index.ts";
import type { FileSource } from "../files/index.ts";
import { type RenderOptions, Template, TemplateError, textFunction } from "../templates/index.ts";
import { MARKS, type MarkedChat, marksAnswers, readMarks } from "./chat-answers.ts";
import { type Message, type MessagePart, readableMessages } from "./chat-message.ts";
import { strftime } from "./strftime.ts";

/** Options of rendering a chat template. */
export interface ChatOptions {
  /** True if the text ends where the assistant begins to speak; default true. */
  readonly addGenerationPrompt?: boolean | undefined;
  /** True if the text ends within the last message, so that the model goes on with it. */
  readonly continueFinalMessage?: boolean | undefined;
  /** Functions that the model may call, as JSON schemas. */
  readonly tools?: readonly object[] | undefined;
  /** Texts that the model may answer from. */
  readonly documents?: readonly object[] | undefined;
  /** One of the checkpoint's templates by its name, or a template itself; default `tool_use` where tools are given and there is one. */
  readonly chatTemplate?: string | undefined;
  /** Further variables of the template, such as `enable_thinking`. */
  readonly chatTemplateArguments?: Readonly<Record<string, unknown>> | undefined;
}

/** A checkpoint's templates by name; the usual one is called `default`. */
export type ChatTemplates = Readonly<Record<string, string>>;

/** Reads a checkpoint's templates: files of their own go before `tokenizer_config.json`. */
export async function readChatTemplates(
  files: FileSource,
  config: Readonly<Record<string, unknown>>,
): Promise<ChatTemplates> {
  const templates = new Map(templatesOf(config.chat_template, files.location));
  if (!(await files.has("chat_template.jinja"))) return Object.fromEntries(templates);
  templates.set("default", await files.readText("chat_template.jinja"));
  for (const name of ADDITIONAL) {
    const path = `additional_chat_templates/${name}.jinja`;
    if (await files.has(path)) templates.set(name, await files.readText(path));
  }
  return Object.fromEntries(templates);
}

/** The templates of `tokenizer_config.json` by name: one text, or a list of named ones. */
function templatesOf(given: unknown, location: string): [name: string, template: string][] {
  if (given === undefined || given === null) return [];
  if (typeof given === "string") return [["default", given]];
  check(
    Array.isArray(given),
    "file",
    () =>
      `${location}: tokenizer_config.json: chat_template must be a text, or a list of templates with names; got ${typeof given}`,
  );
  return given.map((entry: unknown, i) => {
    const { name, template } = (entry ?? {}) as { name?: unknown; template?: unknown };
    check(
      typeof name === "string" && typeof template === "string",
      "file",
      () =>
        `${location}: tokenizer_config.json: each of several chat templates needs a name and a template; got ${JSON.stringify(entry)?.slice(0, 80)} as chat_template[${i}]`,
    );
    return [name, template];
  });
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
  const template = chosenTemplate(templates, options.chatTemplate, options.tools);
  return written({ template, options, special }, messages, (readable) => readable());
}

/** A conversation with the answers that the template marks; undefined where it has no `{% generation %}`. */
export function renderMarkedChat(
  templates: ChatTemplates,
  messages: readonly Message[],
  options: ChatOptions,
  special: SpecialTokens,
): MarkedChat | undefined {
  const template = chosenTemplate(templates, options.chatTemplate, options.tools);
  if (!marksAnswers(template)) return undefined;
  return written({ template, options, special }, messages, (render) => {
    const marked = readMarks(render(MARKS));
    const isSame = marked.text === render();
    check(isSame, "input", () => "the model's chat template changes what its {% generation %} blocks hold");
    return marked;
  });
}

/** The variables that a conversation is rendered with. */
interface Rendering {
  readonly template: string;
  readonly options: ChatOptions;
  readonly special: SpecialTokens;
}

/** Renders a conversation, with or without marks, once its contents are what the template can read. */
function written<T>(
  { template, options, special }: Rendering,
  messages: readonly Message[],
  use: (render: (marks?: RenderOptions["marks"]) => string) => T,
): T {
  const { addGenerationPrompt = true, continueFinalMessage = false, tools, documents, chatTemplateArguments } = options;
  checkMessages(messages);
  const given = continueFinalMessage ? withMark(messages) : messages;
  const context = {
    ...special,
    ...chatTemplateArguments,
    tools: tools ?? null, // as in Python, where they are there and None
    documents: documents ?? null,
    add_generation_prompt: addGenerationPrompt && !continueFinalMessage,
    raise_exception: REFUSE,
    strftime_now: NOW,
  };
  const readable = readableMessages(given, (trial, watch) => {
    compiled(template).render({ ...context, messages: trial }, { watch });
  });
  return use((marks) => {
    const text = render(template, { ...context, messages: readable }, marks && { marks });
    return continueFinalMessage ? cutAtMark(text, lastText(messages)) : text;
  });
}

function checkMessages(messages: readonly Message[]): void {
  check(messages.length > 0, "input", () => "chat: a conversation needs at least one message");
  for (const [i, message] of messages.entries())
    check(
      typeof message === "object" && message !== null && typeof message.role === "string",
      "input",
      () => `chat: message ${i} must be an object with a role, such as { role: "user", content: "…" }`,
    );
}

const REFUSE = textFunction("raise_exception", "message", (message) => {
  throw new TemplateError("raised", message);
});
const NOW = textFunction("strftime_now", "format", (format) => strftime(new Date(), format));

function render(template: string, context: Record<string, unknown>, options?: RenderOptions): string {
  try {
    return compiled(template).render(context, options);
  } catch (cause) {
    const { message } = cause as Error;
    const { kind = "runtime", line } = cause instanceof TemplateError ? cause : {};
    const place = line === undefined || kind === "raised" ? "" : ` (line ${line} of the template)`;
    if (kind === "syntax")
      throw new LecternError("config", `the chat template has a syntax error: ${message}${place}`, { cause });
    const what = kind === "raised" ? "the chat template rejects the conversation" : "the chat template failed";
    throw new LecternError("input", `${what}: ${message}${place}`, { cause });
  }
}

/** Templates that were used last; those of requests may be many. */
const cache = new Map<string, Template>();
const CACHE_SIZE = 32;

function compiled(template: string): Template {
  const known = cache.get(template);
  const parsed = known ?? new Template(template);
  cache.delete(template);
  cache.set(template, parsed);
  const [oldest] = cache.keys();
  if (cache.size > CACHE_SIZE && oldest !== undefined) cache.delete(oldest);
  return parsed;
}

function chosenTemplate(
  templates: ChatTemplates,
  asked: string | undefined,
  tools: readonly object[] | undefined,
): string {
  const names = Object.keys(templates);
  if (asked !== undefined) {
    const named = ownEntry(templates, asked);
    check(
      named !== undefined || /\{[{%]/.test(asked),
      "usage",
      () => `chat: there is no template called ${shown(asked)}; this model has ${names.join(", ") || "none"}`,
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
