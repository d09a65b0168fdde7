import { check, isObject } from "../common/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";

/** A judgement of one answer: a line of a feedback file. */
export interface FeedbackEntry {
  /** The time of the judgement, in ISO 8601. */
  readonly time: string;
  /** The id of the response; a later judgement of the same answer replaces an earlier one. */
  readonly id: string;
  /** The place of the answer among those of its response, from 0. */
  readonly index: number;
  /** The program that the judgement came by. */
  readonly source: "server" | "run";
  /** The name of the model. */
  readonly model: string;
  /** The text that the model read, as the tokenizer takes it: a chat in its template. */
  readonly prompt: string;
  readonly answer: string;
  /** The thumb; undefined where only a better answer was given. */
  readonly rating?: "up" | "down" | undefined;
  /** An answer that would have been better. */
  readonly better?: string | undefined;
  readonly comment?: string | undefined;
}

/** A value read from a line as an entry; throws with the place of what is wrong. */
export function parseEntry(value: unknown, place: string): FeedbackEntry {
  const texts = ["time", "id", "model", "prompt", "answer"];
  const isWhole =
    isObject(value) &&
    texts.every((name) => typeof value[name] === "string") &&
    [value.better, value.comment].every((text) => text === undefined || typeof text === "string") &&
    Number.isSafeInteger(value.index);
  check(isWhole, "input", () => `${place}: it is no feedback: it needs ${texts.join(", ")} and index`);
  const { rating } = value;
  const isRating = rating === undefined || rating === "up" || rating === "down";
  check(isRating, "input", () => `${place}: rating must be up or down`);
  return value as Readonly<Record<string, unknown>> & FeedbackEntry;
}

/**
 * The text of a prompt's ids that gives the same ids when it is encoded: without the special tokens that the tokenizer puts
 * before every text.
 */
export function promptText(tokenizer: Tokenizer, ids: readonly number[]): string {
  const { ids: empty } = tokenizer.encode("");
  let start = 0;
  while (start < empty.length && ids[start] === empty[start]) start++;
  return tokenizer.decode(ids.slice(start), { skipSpecialTokens: false });
}
