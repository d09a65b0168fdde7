import { LecternError } from "../common/index.ts";
import { writeFileAtomic } from "../files/node.ts";
import { parseOptions } from "../generation/index.ts";
import type { GenerateOptions, GenerateResult, Model } from "../inference/index.ts";
import { type Dialogue, dialogueFor } from "./dialogue.ts";
import type { Judgements } from "./judgements.ts";
import { LineEditor } from "./line-editor.ts";
import type { Conversation } from "./messages.ts";
import type { Terminal } from "./terminal.ts";

const PROMPT = "> ";
const CONTINUATION = "… ";
const FENCE = '"""';

const HELP = `/clear               forget everything but the system message
/set                 list the options that are set
/set NAME VALUE      set a generation option, such as temperature 0.8
/set NAME            return an option to its default
/system [TEXT]       show or set the system message
/save FILE           save the conversation; run --messages FILE continues a chat
/good, /bad          store a thumb up or down for the last answer (run --feedback)
/better TEXT         store an answer that would have been better
/bye                 end
${FENCE}                  begin and end a message of several lines
Ctrl-C stops an answer; a second Ctrl-C, or Ctrl-D, ends the conversation.
`;

/**
 * Talks with a person on a terminal until `/bye` or Ctrl-D. Ctrl-C stops an answer and keeps the conversation.
 *
 * @throws code `abort` on a second Ctrl-C
 */
export async function converse(
  model: Model,
  { signal, ...options }: GenerateOptions,
  context: { terminal: Terminal; conversation: Conversation | undefined; judgements: Judgements },
): Promise<void> {
  const { terminal, conversation, judgements } = context;
  const editor = new LineEditor(terminal);
  const closeEditor = (): void => editor.close();
  signal?.addEventListener("abort", closeEditor, { once: true });
  try {
    const dialogue = dialogueFor(model, conversation);
    await new Session({ model, options, terminal, editor, dialogue, judgements }).run();
    if (signal?.aborted) throw new LecternError("abort", "interrupted");
  } finally {
    signal?.removeEventListener("abort", closeEditor);
    editor.close();
  }
}

interface SessionParts {
  readonly model: Model;
  readonly options: object;
  readonly terminal: Terminal;
  readonly editor: LineEditor;
  readonly dialogue: Dialogue;
  readonly judgements: Judgements;
}

class Session {
  readonly #model: Model;
  readonly #terminal: Terminal;
  readonly #editor: LineEditor;
  readonly #dialogue: Dialogue;
  readonly #judgements: Judgements;
  #options: Record<string, unknown>;
  /** True when the last key was Ctrl-C. */
  #isInterrupted = false;

  constructor({ model, options, terminal, editor, dialogue, judgements }: SessionParts) {
    this.#model = model;
    this.#terminal = terminal;
    this.#editor = editor;
    this.#dialogue = dialogue;
    this.#judgements = judgements;
    this.#options = { ...options };
  }

  async run(): Promise<void> {
    this.#say(`${this.#dialogue.greeting}\n`);
    while (true) {
      const pending = this.#dialogue.takePending();
      const message = pending === undefined ? await this.#message() : { text: pending, isCommand: false };
      if (message === undefined) return;
      const { text, isCommand } = message;
      if (isCommand && /^\/(bye|exit|quit)\s*$/.test(text)) return;
      try {
        if (isCommand) await this.#command(text);
        else if (text.trim() !== "" || this.#dialogue.continuesOnEmptyLine) await this.#answer(text);
      } catch (error) {
        if (!(error instanceof LecternError)) throw error;
        this.#terminal.stderr.write(`${error.message}\n`);
      }
    }
  }

  /** A line, or the lines between two `"""`; undefined at the end. */
  async #message(): Promise<{ text: string; isCommand: boolean } | undefined> {
    const first = await this.#line(PROMPT);
    if (first === undefined) return undefined;
    if (first === null) return this.#message();
    if (!first.startsWith(FENCE)) return { text: first, isCommand: first.startsWith("/") };
    let text = first.slice(FENCE.length);
    while (!text.trimEnd().endsWith(FENCE)) {
      const line = await this.#line(CONTINUATION);
      if (line === undefined) return undefined;
      if (line === null) return this.#message();
      text += `${text === "" ? "" : "\n"}${line}`;
    }
    return { text: text.trimEnd().slice(0, -FENCE.length).replace(/\n$/, ""), isCommand: false };
  }

  /** A line; null where Ctrl-C discarded it, undefined at the end. */
  async #line(prompt: string): Promise<string | null | undefined> {
    const typed = await this.#editor.read(prompt);
    if (typed === "end") {
      this.#terminal.stdout.write("\n");
      return undefined;
    }
    if (typed !== "interrupt") {
      this.#isInterrupted = false;
      return typed.line;
    }
    if (this.#isInterrupted) throw new LecternError("abort", "interrupted");
    this.#isInterrupted = true;
    this.#say("Ctrl-C again, Ctrl-D or /bye ends the conversation.\n");
    return null;
  }

  async #answer(text: string): Promise<void> {
    const stop = new AbortController();
    this.#editor.onInterrupt = () => {
      if (stop.signal.aborted) return;
      this.#isInterrupted = true;
      stop.abort();
    };
    try {
      const { stdout } = this.#terminal;
      const result = await this.#model.generate(this.#dialogue.input(text), {
        ...this.#options,
        signal: stop.signal,
        onToken: ({ sequence, text }) => {
          if (sequence === 0) stdout.write(text);
        },
      });
      this.#dialogue.keep(text, result.text);
      this.#judgements.note(this.#model, result);
      stdout.write("\n");
      this.#sayFill(result);
    } finally {
      this.#editor.onInterrupt = () => {};
    }
  }

  /** Shows how much of the context window is used, and how much of the prompt had to be computed. */
  #sayFill({ inputIds, outputIds, finishReason, usage }: GenerateResult): void {
    const used = (inputIds[0]?.length ?? 0) + (this.#model.isEncoderDecoder ? 0 : outputIds.length);
    const { contextWindow } = this.#model;
    const share = Number.isFinite(contextWindow) ? ` of ${contextWindow}` : "";
    const stopped = finishReason === "abort" ? "stopped; " : "";
    const { promptTokens, cachedTokens } = usage;
    const cached = cachedTokens > 0 ? `; prompt: ${promptTokens - cachedTokens} new, ${cachedTokens} cached` : "";
    this.#say(`[${stopped}context: ${used}${share} tokens${cached}]\n`);
  }

  async #command(line: string): Promise<void> {
    const [, name = "", rest = ""] = /^\/(\S*)\s*(.*)$/.exec(line) ?? [];
    if (name === "help" || name === "?") this.#say(HELP);
    else if (name === "set") this.#set(rest.trim());
    else if (name === "system") this.#system(rest.trim());
    else if (name === "save") await this.#save(rest.trim());
    else if (name === "good" || name === "bad" || name === "better")
      this.#say(await this.#judgements.add(name, rest.trim()));
    else if (name === "clear") {
      this.#dialogue.clear();
      this.#judgements.clear();
      this.#say("cleared\n");
    } else throw new LecternError("usage", `unknown command /${name}; /help lists the commands`);
  }

  #set(rest: string): void {
    const [, given = "", value = ""] = /^(?:parameter\s+)?(\S*)\s*(.*)$/.exec(rest) ?? [];
    if (given === "") {
      this.#say(`${JSON.stringify(this.#options, null, 2)}\n`);
      return;
    }
    const name = given.replace(/[-_]([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const { [name]: _, ...others } = this.#options;
    const options = value === "" ? others : { ...others, [name]: parsed(value) };
    parseOptions(value === "" ? { ...options, [name]: null } : options);
    this.#options = options;
  }

  #system(text: string): void {
    if (text !== "") this.#dialogue.setSystem(text);
    else this.#say(`${this.#dialogue.system ?? "no system message"}\n`);
  }

  async #save(file: string): Promise<void> {
    if (file === "") throw new LecternError("usage", "/save needs a file name");
    await writeFileAtomic(file, this.#dialogue.saved());
    this.#say(`saved to ${file}\n`);
  }

  /** Prints a line of our own beside the conversation. */
  #say(text: string): void {
    this.#terminal.stdout.dim(text);
  }
}

/** A value as JSON, or as the text that it is. */
function parsed(value: string): unknown {
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}
