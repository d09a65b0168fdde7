import { check, isObject } from "../../common/index.ts";
import type { Encoding, Tokenizer } from "../../tokenizers/index.ts";
import { type Example, fieldOf, textOf } from "./examples.ts";

/** A question about a text, and where in the text its answer stands, in code points; undefined where it has none. */
export interface AskedText {
  readonly question: string;
  readonly context: string;
  readonly answer: readonly [from: number, to: number] | undefined;
}

/** Part of a context behind its question, with the first and the last token of the answer. */
export interface AnswerWindow {
  readonly ids: readonly number[];
  readonly typeIds: readonly number[];
  readonly labels: readonly [start: number, end: number];
}

/** The target for an answer that a window does not hold: the first token. */
const NOWHERE = [0, 0] as const;

/** Tokens that a window repeats of the one before, as in transformers' run_qa. */
const DOC_STRIDE = 128;

/**
 * Reads `question`, `context` and `answer`, perhaps with its place in code points as `answer_start`; or `answers` as SQuAD
 * has them, of which the first is learned. An empty answer, or none in the list, is a question without one.
 */
export function readAskedText(path: string, example: Example, column: (name: string) => string): AskedText {
  const question = textOf(path, example, column("question"));
  const context = textOf(path, example, column("context"));
  const answers = fieldOf(example, "answers");
  const { row } = example;
  if (answers === undefined || fieldOf(example, column("answer")) !== undefined) {
    const answer = textOf(path, example, column("answer"), true);
    return { question, context, answer: placeOf(path, row, context, answer, fieldOf(example, column("answer_start"))) };
  }
  const { text, answer_start: starts = [] } = isObject(answers) ? answers : {};
  check(
    Array.isArray(text) && Array.isArray(starts) && (text.length === 0 || typeof text[0] === "string"),
    "input",
    () => `${path}, row ${row}: answers must be as SQuAD has them: {"text": ["…"], "answer_start": [0]}`,
  );
  const [answer = ""] = text as string[];
  return { question, context, answer: placeOf(path, row, context, answer, starts[0]) };
}

function placeOf(path: string, row: number, context: string, answer: string, start: unknown): AskedText["answer"] {
  if (answer.trim() === "") return undefined;
  const points = [...context];
  const length = [...answer].length;
  const shown = JSON.stringify(answer);
  if (start === undefined || start === null || start === "") {
    const at = context.indexOf(answer);
    check(at >= 0, "input", () => `${path}, row ${row}: the answer ${shown} does not occur in its context`);
    const from = [...context.slice(0, at)].length;
    return [from, from + length];
  }
  const from = Number(start);
  const there = points.slice(from, from + length).join("");
  check(
    Number.isInteger(from) && from >= 0 && there === answer,
    "input",
    () =>
      `${path}, row ${row}: at answer_start ${start} the context has ${JSON.stringify(there)}, not ${shown}; count characters from 0, or leave answer_start out`,
  );
  return [from, from + length];
}

/**
 * A context in windows of `maxLength` tokens, each behind the question; they overlap by `docStride` tokens, or by half of
 * what they hold. Only the context is cut.
 */
export function answerWindows(
  tokenizer: Tokenizer,
  { question, context, answer }: AskedText,
  { maxLength, docStride = DOC_STRIDE }: { readonly maxLength: number; readonly docStride?: number | undefined },
): AnswerWindow[] {
  const room = maxLength - tokenizer.encode(question, { pair: "" }).ids.length;
  check(room > 0, "input", () => `the question leaves no room for its context in maxLength ${maxLength}; raise it`);
  const first = tokenizer.encode(question, {
    pair: context,
    maxLength,
    truncation: "only_second",
    truncationSide: "right",
    stride: Math.min(docStride, Math.floor(room / 2)),
    offsets: true,
  });
  const asked = tokenizer.encode(question, { addSpecialTokens: false }).ids.length;
  return [first, ...(first.overflowing ?? [])].map((window) => ({
    ids: window.ids,
    typeIds: window.typeIds,
    labels: answer ? tokensOf(window, asked, answer) : NOWHERE,
  }));
}

/** The tokens of a window that hold an answer, parts of words whole; the first token, where the answer is not all there. */
function tokensOf(
  { ids, specialTokensMask, offsets = [] }: Encoding,
  asked: number,
  [from, to]: readonly [number, number],
): readonly [number, number] {
  const places = ids.flatMap((_, at) => (specialTokensMask[at] === 1 ? [] : [at])).slice(asked);
  const startOf = (at: number | undefined): number => offsets[at ?? -1]?.[0] ?? Number.POSITIVE_INFINITY;
  const endOf = (at: number | undefined): number => offsets[at ?? -1]?.[1] ?? 0;
  const isWhole = startOf(places[0]) <= from && endOf(places.at(-1)) >= to;
  if (!isWhole) return NOWHERE;
  const start = places.findLast((at) => startOf(at) <= from) as number;
  return [start, places.find((at) => endOf(at) >= to) as number];
}
