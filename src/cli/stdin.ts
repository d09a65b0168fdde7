import { fstatSync } from "node:fs";
import { createInterface } from "node:readline";
import { LecternError } from "../common/index.ts";
import type { Terminal } from "./terminal.ts";

/** The silence in milliseconds after which an open pipe beside a prompt is left alone. */
const GRACE = 1000;
const LAST_LOOK = 50;

/** The text of an argument; `-` reads standard input to its end. */
export async function readText(argument: string, terminal: Terminal): Promise<string> {
  return argument === "-" ? readAll(terminal) : argument;
}

/** Standard input to its end. */
async function readAll({ stdin }: Terminal): Promise<string> {
  return collect(stdin).text;
}

/** Reads a stream: `begun` when something arrives or it ends, `text` when it ends. */
function collect(stdin: Terminal["stdin"]): { readonly begun: Promise<void>; readonly text: Promise<string> } {
  stdin.setEncoding("utf8");
  let begin = (): void => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const text = new Promise<string>((resolve, reject) => {
    let all = "";
    stdin.on("data", (chunk) => {
      all += chunk;
      begin();
    });
    for (const event of ["end", "close"]) stdin.on(event, () => resolve(all));
    stdin.on("error", (cause) =>
      reject(new LecternError("file", `standard input cannot be read: ${cause.message}`, { cause })),
    );
  });
  text.then(begin, begin);
  return { begun, text };
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
  const { begun, text } = collect(terminal.stdin);
  if (!isFile(terminal.stdin.fd) && !(await isSoon(begun))) {
    if (isOptional) {
      terminal.stderr.write(
        "lectern: standard input is open but silent, so it is not read; - as the prompt waits for it\n",
      );
      terminal.release();
      return argument;
    }
    terminal.stderr.write("lectern: waiting for the prompt on standard input\n");
  }
  const piped = withoutLastNewline(await text);
  if (argument === undefined) return piped === "" ? undefined : piped;
  return piped === "" ? argument : `${argument}\n${piped}`;
}

/** The newline that ends a file or an `echo` is no part of the prompt. */
function withoutLastNewline(text: string): string {
  return text.replace(/\r?\n$/, "");
}

/** True if something happens within the grace; what is waiting when it ends, behind other work, still counts. */
function isSoon(event: Promise<void>): Promise<boolean> {
  return new Promise((resolve) => {
    const giveUp = (): void => {
      timer = setTimeout(() => resolve(false), LAST_LOOK);
    };
    let timer = setTimeout(giveUp, GRACE);
    void event.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

/** True if reading ends by itself: a file, or a device such as /dev/null. */
function isFile(fd: number | undefined): boolean {
  if (fd === undefined) return false;
  try {
    const kind = fstatSync(fd);
    return !kind.isFIFO() && !kind.isSocket();
  } catch {
    return true; // closed
  }
}
