import { check, LecternError } from "../common/index.ts";
import { type RenderOptions, TemplateError } from "../templates/index.ts";

/** One turn of a conversation, and whatever else a template reads of it, such as `tool_calls`. */
export interface Message {
  /** The speaker, such as `system`, `user`, `assistant` or `tool`. */
  readonly role: string;
  /** A text, or parts of which those with a text are read; absent or null where a turn only calls tools. */
  readonly content?: string | readonly MessagePart[] | null;
  readonly [field: string]: unknown;
}

/** One part of a message's content; only parts with a text are accepted. */
export interface MessagePart {
  /** The kind of the part, such as `text`. */
  readonly type: string;
  /** The text of the part. */
  readonly text?: string;
  readonly [field: string]: unknown;
}

/** Renders a conversation and throws the text away, to see what the template reads. */
type Trial = (messages: readonly Message[], watch: NonNullable<RenderOptions["watch"]>) => void;

/**
 * A conversation as a template can read it: fields that are null are left out, and reasoning has all the names that
 * templates know it by, as in transformers; contents in parts are joined to texts, unless the template reads the parts.
 */
export function readableMessages(messages: readonly Message[], trial: Trial): readonly Message[] {
  for (const [i, message] of messages.entries()) checkParts(message, i);
  const normal = messages.map(normalized);
  const contents = normal.map(({ content }) => content).filter((content) => Array.isArray(content));
  if (contents.length === 0) return normal;
  const unread = unreadContents(normal, contents, trial);
  return normal.map((message, i) =>
    unread.has(message.content as object)
      ? { ...message, content: joined(message.content as MessagePart[], i) }
      : message,
  );
}

/** Parts that are no text; every model here reads text only. */
const MEDIA = /^(input_)?(image|audio|video|file)(_url)?$/;

function checkParts({ content }: Message, index: number): void {
  check(
    content === undefined || content === null || typeof content === "string" || Array.isArray(content),
    "input",
    () => `chat: the content of message ${index} must be a text or a list of parts; got ${typeof content}`,
  );
  const media = Array.isArray(content) ? content.find((part) => MEDIA.test(String(part?.type))) : undefined;
  check(
    media === undefined,
    "input",
    () =>
      `chat: message ${index} holds a part of type "${media?.type}", but this model reads text only; send { type: "text", text: "…" }`,
  );
}

/** The names of what a model thought before it answered; the first is the one that is usual. */
const REASONING = ["reasoning_content", "thinking", "reasoning"];

function normalized(message: Message): Message {
  const fields = Object.entries(message).filter(([, value]) => value !== null && value !== undefined);
  const kept = Object.fromEntries(fields) as Message;
  const name = REASONING.find((field) => kept[field] !== undefined);
  return name === undefined ? kept : { thinking: kept[name], ...kept, reasoning_content: kept[name] };
}

/** Contents of which a template reads no parts, or which it writes out as a whole. */
function unreadContents(
  messages: readonly Message[],
  contents: readonly (readonly MessagePart[])[],
  trial: Trial,
): ReadonlySet<object> {
  const owners = new Map<object, object>(
    contents.flatMap((content) => content.map((part) => [part as object, content])),
  );
  const [iterated, printed] = [new Set<object>(), new Set<object>()];
  let failure: unknown;
  try {
    trial(messages, {
      iterated: (value) => iterated.add(value),
      printed: (value) => printed.add(owners.get(value) ?? value),
    });
  } catch (cause) {
    failure = cause;
  }
  const unread = new Set<object>(contents.filter((content) => !iterated.has(content) || printed.has(content)));
  const isFault = failure instanceof TemplateError && failure.kind === "runtime";
  return unread.size === 0 && isFault ? new Set(contents) : unread;
}

function joined(parts: readonly MessagePart[], index: number): string {
  const texts = parts.map((part: MessagePart | string) => {
    const text = typeof part === "string" ? part : part?.text;
    if (typeof text === "string") return text;
    throw new LecternError(
      "input",
      `chat: message ${index} holds a part of type "${(part as MessagePart)?.type}" without a text, which the model's chat template cannot write; send { type: "text", text: "…" }`,
    );
  });
  return texts.join("");
}
