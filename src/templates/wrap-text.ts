import { valueError } from "./errors.ts";
import type { Run } from "./run.ts";
import { textBetween, textLength, trim } from "./text.ts";

/** The options of Python's `textwrap`. */
export interface WrapOptions {
  readonly width: number;
  readonly breakLongWords: boolean;
  readonly breakOnHyphens: boolean;
}

const [SPACE, OTHER] = ["[\\t-\\r ]", "[^\\t-\\r ]"];
const [LETTER, WORD] = ["[\\p{L}\\p{Nl}\\p{No}_]", "[\\p{L}\\p{N}_]"];
const MARK = `[\\p{L}\\p{N}_!"'&.,?]`;

/** Python's `textwrap.wordsep_re`: words, spaces, dashes between words, and the parts of hyphenated words. */
const CHUNKS = new RegExp(
  `(${SPACE}+|(?<=${MARK})-{2,}(?=${WORD})|${OTHER}+?(?:${[
    `-(?:(?<=${LETTER}{2}-)|(?<=${LETTER}-${LETTER}-))(?=${LETTER}-?${LETTER})`,
    `(?=${SPACE}|$)`,
    `(?<=${MARK})(?=-{2,}${WORD})`,
  ].join("|")}))`,
  "u",
);
const SIMPLE_CHUNKS = new RegExp(`(${SPACE}+)`);

/** The lines of a text that is wrapped as Python's `textwrap.wrap` does, without tabs and spaces changed. */
export function wrapText(run: Run, text: string, options: WrapOptions): string[] {
  const pieces = text.split(options.breakOnHyphens ? CHUNKS : SIMPLE_CHUNKS).filter((piece) => piece);
  run.items(pieces.length);
  const chunks = pieces.reverse();
  if (options.width <= 0) throw valueError(`invalid width ${options.width} (must be > 0)`);
  const lines: string[] = [];
  while (chunks.length > 0) {
    run.step();
    if (lines.length > 0 && isBlank(chunks.at(-1))) chunks.pop();
    const line = takeLine(run, chunks, options);
    if (line.length > 0) lines.push(line.join(""));
  }
  return lines;
}

const isBlank = (chunk: string | undefined): boolean => chunk !== undefined && trim(chunk) === "";

/** The chunks of the next line, taken from the end of those that are left. */
function takeLine(run: Run, chunks: string[], options: WrapOptions): string[] {
  const line: string[] = [];
  let length = 0;
  while (chunks.length > 0) {
    const size = textLength(chunks.at(-1) as string);
    if (length + size > options.width) break;
    run.step();
    line.push(chunks.pop() as string);
    length += size;
  }
  const next = chunks.at(-1);
  if (next !== undefined && textLength(next) > options.width) {
    breakWord(chunks, line, { ...options, room: options.width - length });
    length = line.reduce((total, chunk) => total + textLength(chunk), 0);
  }
  if (isBlank(line.at(-1))) line.pop();
  return line;
}

/** Puts as much of a word that is longer than a line as there is room for on the line, or all of it. */
function breakWord(
  chunks: string[],
  line: string[],
  { room, ...options }: WrapOptions & { readonly room: number },
): void {
  const word = chunks.at(-1) as string;
  if (!options.breakLongWords) {
    if (line.length === 0) line.push(chunks.pop() as string);
    return;
  }
  let end = options.width < 1 ? 1 : room;
  const start = textBetween(word, 0, end);
  if (options.breakOnHyphens && textLength(word) > room) {
    const hyphen = start.lastIndexOf("-");
    if (hyphen > 0 && /[^-]/.test(start.slice(0, hyphen))) end = textLength(start.slice(0, hyphen + 1));
  }
  const part = textBetween(word, 0, end);
  line.push(part);
  chunks[chunks.length - 1] = word.slice(part.length);
}
