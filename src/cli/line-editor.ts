import { createInterface, type Interface } from "node:readline";
import { Writable } from "node:stream";
import type { OutputStream, Terminal } from "./terminal.ts";

/** A line, or the end of input (Ctrl-D), or Ctrl-C. */
export type Typed = { readonly line: string } | "end" | "interrupt";

/** Writes to a terminal except while it is muted, so that typing ahead does not mix with an answer. */
class MutableOutput extends Writable {
  isMuted = false;
  readonly #stream: OutputStream;

  constructor(stream: OutputStream) {
    super({ decodeStrings: false });
    this.#stream = stream;
  }

  get columns(): number {
    return this.#stream.columns || 80;
  }

  override _write(chunk: string | Buffer, _: BufferEncoding, done: () => void): void {
    if (!this.isMuted) this.#stream.write(String(chunk));
    done();
  }
}

/** Lines typed on a terminal, with editing and a history by the arrow keys. */
export class LineEditor {
  /** Called on Ctrl-C while no line is awaited. */
  onInterrupt: () => void = () => {};
  readonly #lines: Interface;
  readonly #output: MutableOutput;
  readonly #ahead: Typed[] = [];
  #take: ((typed: Typed) => void) | undefined;

  constructor({ stdin, stdout }: Terminal) {
    this.#output = new MutableOutput(stdout.stream);
    this.#lines = createInterface({ input: stdin, output: this.#output, terminal: true, historySize: 1000 });
    this.#output.isMuted = true;
    this.#lines.on("line", (line) => this.#give({ line }));
    this.#lines.on("close", () => this.#give("end"));
    this.#lines.on("SIGINT", () => {
      if (!this.#take) return this.onInterrupt();
      this.#lines.write(null, { ctrl: true, name: "e" }); // to the end of the line, then back to its start
      this.#lines.write(null, { ctrl: true, name: "u" });
      stdout.write("\n");
      this.#give("interrupt");
    });
  }

  /** The next line; what was typed ahead comes first. */
  async read(prompt: string): Promise<Typed> {
    const typed = this.#ahead.shift();
    if (typed !== undefined) {
      if (typed === "end") this.#ahead.push(typed); // the end stays the end
      return typed;
    }
    this.#output.isMuted = false;
    this.#lines.setPrompt(prompt);
    this.#lines.prompt(true);
    return new Promise((resolve) => {
      this.#take = resolve;
    });
  }

  /** Ends a read that is awaited, and gives the terminal back. */
  close(): void {
    this.#lines.close();
  }

  #give(typed: Typed): void {
    const take = this.#take;
    this.#take = undefined;
    this.#output.isMuted = true;
    if (typed === "end" || !take) this.#ahead.push(typed);
    take?.(typed);
  }
}
