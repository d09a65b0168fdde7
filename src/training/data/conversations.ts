import { LecternError } from "../../common/index.ts";
import { IGNORED_LABEL } from "../../graph/index.ts";
import type { Message, TextRange, Tokenizer } from "../../tokenizers/index.ts";

/** A conversation as text and tokens. */
interface Written {
  readonly text: string;
  readonly ids: readonly number[];
  /** The offsets of each token, in code points. */
  readonly offsets: readonly (readonly [number, number])[];
}

interface Conversation {
  readonly tokenizer: Tokenizer;
  readonly messages: readonly Message[];
  readonly whole: Written;
}

/** Tokens of a conversation, from the first up to the one behind the last. */
type TokenRange = readonly [from: number, to: number];

/**
 * A conversation as it is trained on, written once, of which only what the assistant says counts, with the tokens that
 * end it. What that is, the template marks (as transformers' `{% generation %}`), or it is found by writing the
 * conversation again with other answers: what a template writes of a turn depends on what follows.
 */
export function conversationRow(
  tokenizer: Tokenizer,
  messages: readonly Message[],
): { ids: number[]; labels: number[] } {
  const marked = tokenizer.applyMarkedChatTemplate(messages, { addGenerationPrompt: false });
  const whole = tokenized(tokenizer, marked?.text ?? write(tokenizer, messages));
  const answers = marked
    ? marked.answers.map(([from, to]) => [firstFrom(tokenizer, whole, from), firstBehind(whole, to)] as const)
    : foundAnswers({ tokenizer, messages, whole });
  const labels = whole.ids.map(() => IGNORED_LABEL as number);
  for (const [from, to] of answers) for (let at = from; at < to; at++) labels[at] = whole.ids[at] as number;
  return { ids: [...whole.ids], labels };
}

const write = (tokenizer: Tokenizer, messages: readonly Message[], addGenerationPrompt = false): string =>
  tokenizer.applyChatTemplate(messages, { addGenerationPrompt });

/** The template's text for part of a conversation; undefined where it needs more of it. */
function tryWrite(...[tokenizer, messages, addGenerationPrompt]: Parameters<typeof write>): string | undefined {
  try {
    return write(tokenizer, messages, addGenerationPrompt);
  } catch (cause) {
    if (cause instanceof LecternError) return undefined;
    throw cause;
  }
}

function tokenized(tokenizer: Tokenizer, text: string): Written {
  const { ids, offsets = [] } = tokenizer.encode(text, { addSpecialTokens: false, offsets: true });
  return { text, ids, offsets };
}

/** The number of code points before a place of a text. */
const pointsTo = (text: string, at: number): number => [...text.slice(0, at)].length;

/** The first token that reaches beyond a place; one that is found whole must begin there, for it may take in spaces. */
function firstFrom(tokenizer: Tokenizer, { text, ids, offsets }: Written, at: number): number {
  const point = pointsTo(text, at);
  const found = offsets.findIndex(
    ([from, to], i) => to > point && (from >= point || !tokenizer.isAdded(ids[i] as number)),
  );
  return found < 0 ? ids.length : found;
}

/** The first token of which nothing stands before a place. */
function firstBehind({ text, ids, offsets }: Written, at: number): number {
  const point = pointsTo(text, at);
  const found = offsets.findIndex(([from, to]) => from >= point && to > point);
  return found < 0 ? ids.length : found;
}

function foundAnswers(conversation: Conversation): TokenRange[] {
  const { tokenizer, messages, whole } = conversation;
  const answers: TokenRange[] = [];
  let spoken = 0;
  for (const [i, { role }] of messages.entries()) {
    const content = role === "assistant" ? contentOf(tokenizer, messages, i, whole.text) : undefined;
    if (!content) continue;
    const from = beginningOf(conversation, i, content, spoken);
    answers.push([firstFrom(tokenizer, whole, from), endOf(conversation, i, content)]);
    spoken = content[1];
  }
  return answers;
}

/** Of Unicode's private use area, which no template looks for. */
const MARK = "\uF5A3\uF5A4\uF5A3";

/**
 * The part of a text written of messages that is taken from the content of one: all that changes with it. Undefined
 * where it is left out; nothing, where a turn without content, which may call tools, begins.
 */
function contentOf(tokenizer: Tokenizer, messages: readonly Message[], i: number, text: string): TextRange | undefined {
  const message = messages[i] as Message;
  const isEmpty = (message.content ?? "").length === 0;
  const before = isEmpty && i > 0 ? tryWrite(tokenizer, messages.slice(0, i), true) : undefined;
  if (before !== undefined && text.startsWith(before)) return [before.length, before.length];
  const content = Array.isArray(message.content) ? [{ type: "text", text: MARK }] : MARK;
  const marked = (before === undefined ? write : tryWrite)(tokenizer, messages.with(i, { ...message, content }));
  if (!marked?.includes(MARK)) {
    const at = before && shared(text, before);
    return at ? [at, at] : undefined;
  }
  const from = shared(text, marked.slice(0, marked.indexOf(MARK)));
  const behind = marked.slice(marked.lastIndexOf(MARK) + MARK.length);
  return [from, Math.max(from, text.length - sharedEnd(text, behind))];
}

/** The start of the model's answer: after the generation prompt, where the text has it; else with the content. */
function beginningOf(
  { tokenizer, messages, whole: { text } }: Conversation,
  i: number,
  [from]: TextRange,
  spoken: number,
): number {
  const before = i === 0 ? messages : messages.slice(0, i);
  const asked = tryWrite(tokenizer, before, true);
  if (asked === undefined) return from;
  if (i > 0 && asked.length <= from && text.startsWith(asked)) return asked.length;
  const prompt = asked.slice(shared(asked, tryWrite(tokenizer, before) ?? asked));
  const at = prompt === "" ? -1 : text.slice(spoken, from).lastIndexOf(prompt);
  return at < 0 ? from : spoken + at + prompt.length;
}

/** The end of the turn: tokens behind its content that are the same where the conversation ends there count too. */
function endOf({ tokenizer, messages, whole }: Conversation, i: number, [, to]: TextRange): number {
  const end = firstBehind(whole, to);
  if (i === messages.length - 1) return whole.ids.length;
  const until = messages.slice(0, i + 1);
  const text = tryWrite(tokenizer, until);
  const content = text === undefined ? undefined : contentOf(tokenizer, until, i, text);
  if (text === undefined || !content) return end;
  const alone = tokenized(tokenizer, text);
  const [next, last] = [whole.ids.slice(end), alone.ids.slice(firstBehind(alone, content[1]))];
  const same = shared(next, last);
  // The last turn may end by another token than those before, as GPT-OSS's does.
  const isEnd = same === 0 && [next[0], last[0]].every((id) => id !== undefined && tokenizer.isAdded(id));
  return end + (isEnd ? 1 : same);
}

/** The length of the beginning that two texts, or lists, have in common. */
function shared<T>(one: ArrayLike<T>, other: ArrayLike<T>): number {
  const most = Math.min(one.length, other.length);
  for (let i = 0; i < most; i++) if (one[i] !== other[i]) return i;
  return most;
}

function sharedEnd(one: string, other: string): number {
  const most = Math.min(one.length, other.length);
  for (let i = 1; i <= most; i++) if (one[one.length - i] !== other[other.length - i]) return i - 1;
  return most;
}
