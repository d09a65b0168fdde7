import { LecternError } from "../common/index.ts";
import type { GenerateInput, Model } from "../inference/index.ts";
import type { Message } from "../tokenizers/index.ts";
import { type Conversation, conversationInput } from "./messages.ts";

/** The state of a conversation from turn to turn. */
export interface Dialogue {
  readonly greeting: string;
  /** True when an empty line asks for more. */
  readonly continuesOnEmptyLine: boolean;
  /** The input of the next turn. */
  input(text: string): GenerateInput;
  /** Keeps a turn and its answer. */
  keep(text: string, answer: string): void;
  clear(): void;
  /** @throws code `usage` where the model takes no system message */
  setSystem(text: string): void;
  readonly system: string | undefined;
  /** A message that a file ended with and nobody has answered; given once. */
  takePending(): string | undefined;
  /** The contents of a file that a later session can start from. */
  saved(): string;
}

/** The dialogue that fits a model: messages with a chat template, one text at a time for an encoder–decoder, else a story. */
export function dialogueFor(model: Model, conversation: Conversation | undefined): Dialogue {
  if (conversation || model.tokenizer?.hasChatTemplate) return new Chat(conversation);
  return model.isEncoderDecoder ? new Requests() : new Story();
}

/** Messages, written out by the model's chat template. */
class Chat implements Dialogue {
  readonly greeting = "Type a message. /help lists commands; Ctrl-D ends.";
  readonly continuesOnEmptyLine = false;
  readonly #chat: Conversation["chat"];
  #messages: readonly Message[];
  #pending: string | undefined;

  constructor({ messages, chat }: Conversation = { messages: [], chat: {} }) {
    const last = messages.at(-1);
    this.#pending = last?.role === "user" && typeof last.content === "string" ? last.content : undefined;
    this.#messages = this.#pending === undefined ? messages : messages.slice(0, -1);
    this.#chat = chat;
  }

  takePending(): string | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    return pending;
  }

  input(text: string): GenerateInput {
    return conversationInput({ messages: this.#messages, chat: this.#chat }, text);
  }

  keep(text: string, answer: string): void {
    this.#messages = [...this.#messages, { role: "user", content: text }, { role: "assistant", content: answer }];
  }

  clear(): void {
    this.#messages = this.#messages.filter(({ role }, i) => i === 0 && role === "system");
  }

  setSystem(text: string): void {
    const rest = this.#messages[0]?.role === "system" ? this.#messages.slice(1) : this.#messages;
    this.#messages = [{ role: "system", content: text }, ...rest];
  }

  get system(): string | undefined {
    const [first] = this.#messages;
    return first?.role === "system" && typeof first.content === "string" ? first.content : undefined;
  }

  saved(): string {
    return `${JSON.stringify({ messages: this.#messages, ...this.#chat }, null, 2)}\n`;
  }
}

/** A text that each turn continues. */
class Story implements Dialogue {
  readonly greeting =
    "Type the start of a text. An empty line continues it, /clear starts another; /help lists commands; Ctrl-D ends.";
  readonly continuesOnEmptyLine = true;
  readonly system = undefined;
  #text = "";

  input(text: string): GenerateInput {
    return { prompt: this.#joined(text) };
  }

  keep(text: string, answer: string): void {
    this.#text = this.#joined(text) + answer;
  }

  clear(): void {
    this.#text = "";
  }

  setSystem(): void {
    refuseSystem();
  }

  takePending(): undefined {}

  saved(): string {
    return `${this.#text}\n`;
  }

  #joined(text: string): string {
    const needsSpace = this.#text !== "" && text !== "" && !/\s$/.test(this.#text) && !/^[\s,.;:!?]/.test(text);
    return this.#text + (needsSpace ? " " : "") + text;
  }
}

/** Texts that are each answered alone, as a translation is. */
class Requests implements Dialogue {
  readonly greeting = "Type a text; each is answered alone. /help lists commands; Ctrl-D ends.";
  readonly continuesOnEmptyLine = false;
  readonly system = undefined;
  #turns: { text: string; answer: string }[] = [];

  input(text: string): GenerateInput {
    return { prompt: text };
  }

  keep(text: string, answer: string): void {
    this.#turns.push({ text, answer });
  }

  clear(): void {
    this.#turns = [];
  }

  setSystem(): void {
    refuseSystem();
  }

  takePending(): undefined {}

  saved(): string {
    return this.#turns.map(({ text, answer }) => `${text}\n${answer}\n\n`).join("");
  }
}

function refuseSystem(): never {
  throw new LecternError("usage", "/system needs a model with a chat template; this one has none");
}
