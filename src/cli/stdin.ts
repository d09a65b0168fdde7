import { fstatSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Terminal } from "./terminal.ts";

/** How long an open pipe beside a prompt may stay silent before it is left alone, in milliseconds. */
const GRACE = 1000;

/** The text of an argument; `-` reads standard input to its end. */
export async function readText(argument: string, terminal: Terminal): Promise<string> {
  return argument === "-" ? readAll(terminal) : argument;
}

/** Standard input to its end. */
export async function readAll({ stdin }: Terminal): Promise<string> {
  let text = "";
  stdin.setEncoding("utf8");
  for await (const chunk of stdin) text += chunk;
  return text;
}

/** The lines of standard input that hold something, one by one as they arrive. */
export async function* linesOf({ stdin }: Terminal): AsyncGenerator<string> {
  const lines = createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY });
  try {
    for await (const line of lines) if (line.trim() !== "") yield line;
  } finally {
    lines.close();
  }
}

/**
 * A prompt from an argument and standard input: the argument, a newline, then the input; either alone where the other is
 * missing. `-` waits for the input alone.
 *
 * @param isOptional whether an open pipe that delivers nothing within a second is left alone
 * @returns undefined where there is neither
 */
export async function readPrompt(
  argument: string | undefined,
  terminal: Terminal,
  isOptional = argument !== undefined,
): Promise<string | undefined> {
  if (argument === "-") return readAll(terminal);
  if (terminal.stdin.isTTY) return argument;
  const delivers = await deliversSoon(terminal);
  if (!delivers && isOptional) {
    terminal.stderr.write(
      "lectern: standard input is open but silent, so it is not read; - as the prompt waits for it\n",
    );
    terminal.release();
    return argument;
  }
  if (!delivers) terminal.stderr.write("lectern: waiting for the prompt on standard input\n");
  const piped = withoutLastNewline(await readAll(terminal));
  if (argument === undefined) return piped === "" ? undefined : piped;
  return piped === "" ? argument : `${argument}\n${piped}`;
}

/** The newline that ends a file or an `echo` is no part of the prompt. */
function withoutLastNewline(text: string): string {
  return text.replace(/\r?\n$/, "");
}

/** False for a pipe or socket that stays open and silent. */
function deliversSoon({ stdin }: Terminal): Promise<boolean> {
  if (!isPipe(stdin.fd)) return Promise.resolve(true);
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), GRACE);
    const seen = (): void => {
      clearTimeout(timer);
      resolve(true);
    };
    for (const event of ["readable", "end", "error", "close"]) stdin.once(event, seen);
  });
}

/** Whether reading may wait: not for a file or a device such as /dev/null. */
function isPipe(fd: number | undefined): boolean {
  if (fd === undefined) return true;
  try {
    const kind = fstatSync(fd);
    return kind.isFIFO() || kind.isSocket();
  } catch {
    return false; // closed
  }
}
