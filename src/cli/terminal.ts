import { LecternError } from "../common/index.ts";

/** Where a command reads and writes; a process has this shape, and tests give their own. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  readonly stdout: { write(text: string): unknown; isTTY?: boolean };
  readonly stderr: { write(text: string): unknown; isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What every command takes. */
export interface CommonFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** The text of an argument; `-` reads standard input to its end. */
export async function readText(argument: string, terminal: Terminal): Promise<string> {
  if (argument !== "-") return argument;
  let text = "";
  terminal.stdin.setEncoding("utf8");
  for await (const chunk of terminal.stdin) text += chunk;
  return text;
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

/** `1,2,3` as numbers. */
export function parseIds(text: string): number[] {
  const ids = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (ids.some((id) => !Number.isInteger(id)))
    throw new LecternError("usage", `ids are whole numbers with commas between, as in 1,2,3; got ${text}`);
  return ids;
}
