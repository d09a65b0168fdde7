import { check } from "../common/index.ts";
import type { Row } from "../inference/index.ts";
import type { Span } from "./offsets.ts";
import type { TaskContext } from "./task.ts";

/** A part of a long text, with what stands before and behind it in every part. */
export interface Window extends Row {
  /** The position of the part in the row. */
  readonly begin: number;
  /** Its position among the text's tokens. */
  readonly from: number;
  readonly count: number;
}

export interface Windows {
  readonly windows: readonly Window[];
  /** The text's own tokens, and where each stands in it, in code points. */
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
  readonly spans: readonly Span[];
}

export interface WindowOptions {
  /** A text that stands before it in each window, as a question does. */
  readonly before?: string;
  /** Tokens of a window at most. */
  readonly maxLength: number;
  /** The number of tokens that a window shares with the one before; undefined: what is too long is cut off. */
  readonly stride: number | undefined;
}

/** Cuts a text into rows that fit the model, as the tokenizers library does with `return_overflowing_tokens`. */
export function windowsOf(
  { tokenizer, task }: Pick<TaskContext, "tokenizer" | "task">,
  text: string,
  { before, maxLength, stride }: WindowOptions,
): Windows {
  const whole = before === undefined ? tokenizer.encode(text) : tokenizer.encode(before, { pair: text });
  const own = tokenizer.encode(text, { addSpecialTokens: false, offsets: true });
  const { ids, tokens } = own;
  const begin = lastIndexOfRun(whole.ids, ids);
  const end = begin + ids.length;
  const room = Math.min(ids.length, maxLength - (whole.ids.length - ids.length));
  check(
    room > 0 || ids.length === 0,
    "input",
    () =>
      `${task}: ${before === undefined ? "the tokenizer's own tokens leave" : "the question leaves"} no room for the text in ${maxLength} tokens`,
  );
  check(
    stride === undefined || room === ids.length || stride < room,
    "usage",
    () => `${task}: parts of ${room} tokens cannot share ${stride} with each other: make the overlap smaller`,
  );
  const windows: Window[] = [];
  for (let from = 0; ; from += room - (stride ?? 0)) {
    const count = Math.min(room, ids.length - from);
    const pick = (row: readonly number[]): number[] => [
      ...row.slice(0, begin),
      ...row.slice(begin + from, begin + from + count),
      ...row.slice(end),
    ];
    windows.push({ ids: pick(whole.ids), typeIds: pick(whole.typeIds), begin, from, count });
    if (stride === undefined || from + count >= ids.length) break;
  }
  return { windows, ids, tokens, spans: own.offsets ?? [] };
}

/** The last position of `part` in `whole`; its end where it does not occur. */
export function lastIndexOfRun(whole: readonly number[], part: readonly number[]): number {
  for (let at = whole.length - part.length; at >= 0; at--) if (part.every((id, i) => whole[at + i] === id)) return at;
  return whole.length;
}
