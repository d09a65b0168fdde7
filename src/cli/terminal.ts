import { once } from "node:events";
import { LecternError } from "../common/index.ts";
import { visibleControls } from "./control-characters.ts";

/** A stream that text is printed to. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Streams and variables of a process; tests give their own. */
export interface Streams {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean; readonly fd?: number };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** One output of a command. On a terminal, control characters in text are shown instead of executed. */
export class Output {
  /** Print control characters as they are. */
  isRaw = false;
  readonly #open: () => OutputStream;

  /** @param open gives the stream; a process makes its own when they are first read */
  constructor(open: () => OutputStream) {
    this.#open = open;
  }

  /** The stream itself, for line editing. */
  get stream(): OutputStream {
    return this.#open();
  }

  get isTTY(): boolean {
    return this.stream.isTTY === true;
  }

  /** In characters; 80 where the stream has no width. */
  get columns(): number {
    return this.stream.columns || 80;
  }

  /** Prints text from anywhere: a model, a file, a server, an argument. */
  write(text: string): unknown {
    return this.stream.write(this.isTTY && !this.isRaw ? visibleControls(text) : text);
  }

  /** Sends one of our own control sequences; only to a terminal. */
  control(sequence: string): void {
    if (this.isTTY) this.stream.write(sequence);
  }

  /** Prints dimmed text on a terminal, and the plain text elsewhere. */
  dim(text: string): void {
    this.control("\u001b[2m");
    this.write(text);
    this.control("\u001b[22m");
  }

  /** Prints, and waits while the reader is slower. */
  async writeDrained(text: string): Promise<void> {
    if (this.write(text) === false && "once" in this.stream) await once(this.stream as NodeJS.WriteStream, "drain");
  }
}

/** Input and outputs of a command. */
export class Terminal {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Streams["env"];
  /** The exit code of a command that ends without an error. */
  exitCode: 0 | 1 | 3 = 0;
  readonly #streams: Streams;
  #stdin: Streams["stdin"] | undefined;

  constructor(streams: Streams) {
    this.#streams = streams;
    this.stdout = new Output(() => streams.stdout);
    this.stderr = new Output(() => streams.stderr);
    this.env = streams.env;
  }

  get stdin(): Streams["stdin"] {
    this.#stdin ??= this.#streams.stdin;
    return this.#stdin;
  }

  /** A person at both ends. */
  get isInteractive(): boolean {
    return this.stdin.isTTY === true && this.stdout.isTTY;
  }

  /** Stops reading input, where it was read: an open pipe would keep the process alive. */
  release(): void {
    (this.#stdin as { destroy?(): void } | undefined)?.destroy?.();
  }

  /** Prints control characters as they are from now on. */
  printRaw(): void {
    this.stdout.isRaw = true;
    this.stderr.isRaw = true;
  }
}

/** Flags of every command. */
export interface CommonFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly raw?: boolean;
}

export function printJson(terminal: Terminal, value: unknown): void {
  terminal.stdout.write(`${jsonText(value)}\n`);
}

/** A value as JSON, tensors as plain lists. */
export function jsonText(value: unknown): string {
  const plain = (_: string, entry: unknown): unknown =>
    ArrayBuffer.isView(entry) ? Array.from(entry as never) : entry;
  return JSON.stringify(value, plain, 2);
}

/** A parser for a flag that may be given once: a second value would silently replace the first. */
export function givenOnce(flag: string): (value: string, previous: string | undefined) => string {
  return (value, previous) => {
    if (previous !== undefined)
      throw new LecternError("usage", `${flag} was given twice, ${previous} and ${value}: leave one out`);
    return value;
  };
}

/** `1,2,3` as numbers. */
export function parseIds(text: string): number[] {
  const ids = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (ids.some((id) => !Number.isInteger(id)))
    throw new LecternError("usage", `ids must be whole numbers separated by commas, such as 1,2,3; got ${text}`);
  return ids;
}
