import { check } from "../common/index.ts";
import { type ForwardResult, forwardRows } from "../inference/index.ts";
import { type AnswerSpan, bestSpans } from "./answer-spans.ts";
import { wordsOf } from "./offsets.ts";
import type { CallOptions } from "./options.ts";
import { lacksHead, type Task, type TaskContext, textField, windowOf } from "./task.ts";
import { type Window, type Windows, windowsOf } from "./windows.ts";

/** A question and the passage that holds its answer. */
export interface QuestionInput {
  readonly question: string;
  readonly context: string;
}

/** Options of `question-answering`. */
export interface QuestionAnsweringOptions extends CallOptions {
  /** The number of answers, the best first; above 1, each question gets a list. */
  readonly topK?: number;
  /** The number of tokens by which windows of a long passage overlap; default 128, or half of maxSeqLen. */
  readonly docStride?: number;
  /** The largest number of tokens of an answer; default 15. */
  readonly maxAnswerLen?: number;
  /** The largest number of tokens of question and passage together; default 384, or the model's window. */
  readonly maxSeqLen?: number;
  /** The largest number of tokens of a question; default all. */
  readonly maxQuestionLen?: number;
  /** True if an empty text is allowed as an answer. */
  readonly handleImpossibleAnswer?: boolean;
  /** True if answers are widened to whole words; default true. */
  readonly alignToWords?: boolean;
}

/** A part of the passage; `start` and `end` count its code points. */
export interface Answer {
  readonly answer: string;
  readonly score: number;
  readonly start: number;
  readonly end: number;
}

/** The answers in a part of a passage: positions among the passage's tokens, and the probability of no answer. */
interface Found {
  readonly window: Window;
  readonly spans: readonly AnswerSpan[];
  readonly impossible: number;
}

/** Answers that stand in a passage, by their most probable start and end. */
export const questionAnswering: Task<QuestionInput, QuestionAnsweringOptions, Answer | Answer[]> = {
  batchSize: 16,
  options: {
    topK: "count",
    docStride: "size",
    maxAnswerLen: "count",
    maxSeqLen: "count",
    maxQuestionLen: "count",
    handleImpossibleAnswer: "flag",
    alignToWords: "flag",
  },
  withSecond: (question, context) => ({ input: { question, context } }),
  parse(input, place) {
    const [question, context] = [textField(input, "question", place), textField(input, "context", place)];
    check(question.trim() !== "", "input", () => `${place}: the question is empty`);
    check(context.trim() !== "", "input", () => `${place}: the context is empty: there is nothing to answer from`);
    return { question, context };
  },
  async run(context, inputs, options) {
    const { topK = 1, maxAnswerLen = 15, alignToWords = true, handleImpossibleAnswer = false } = options;
    const passages = inputs.map((input) => passageOf(context, input, options));
    const parts = passages.flatMap((passage, i) => passage.windows.map((window) => ({ passage, window, of: i })));
    const rows = parts.map(({ window }) => window);
    const candidates = alignToWords ? 2 * topK + 10 : topK; // some become one when widened to words
    const found = await forwardRows(context.model, rows, context, (result, { row }, index) => {
      const { window } = parts[index] as (typeof parts)[number];
      const logits = spanLogits(context, result, row);
      const startId = context.tokenizer.specialId("cls_token");
      return { window, ...bestSpans(logits, window, { startId, count: candidates, maxLength: maxAnswerLen }) };
    });
    return inputs.map((input, i) => {
      const own = found.filter((_, at) => parts[at]?.of === i);
      const answers = answersOf(input.context, passages[i] as Windows, own, alignToWords);
      if (handleImpossibleAnswer)
        answers.push({ answer: "", score: Math.min(...own.map(({ impossible }) => impossible)), start: 0, end: 0 });
      const best = answers.toSorted((a, b) => b.score - a.score).slice(0, topK);
      const [first = { answer: "", score: 0, start: 0, end: 0 }] = best;
      return topK === 1 ? first : best;
    });
  },
};

function passageOf(context: TaskContext, input: QuestionInput, options: QuestionAnsweringOptions): Windows {
  const { tokenizer, task } = context;
  const { maxSeqLen = Math.min(windowOf(context), 384), maxQuestionLen } = options;
  const most = windowOf(context);
  check(maxSeqLen <= most, "usage", () => `${task}: maxSeqLen ${maxSeqLen} is more than the model's ${most} tokens`);
  const { docStride = Math.min(Math.floor(maxSeqLen / 2), 128) } = options;
  let { question } = input;
  if (maxQuestionLen !== undefined) {
    const { ids } = tokenizer.encode(question, { addSpecialTokens: false });
    if (ids.length > maxQuestionLen) question = tokenizer.decode(ids.slice(0, maxQuestionLen));
  }
  return windowsOf(context, input.context, { before: question, maxLength: maxSeqLen, stride: docStride });
}

/** A row of a head that tells question answering. */
function spanLogits(
  context: TaskContext,
  { startLogits, endLogits }: ForwardResult,
  row: number,
): { start: Float32Array; end: Float32Array } {
  if (!startLogits || !endLogits) throw lacksHead(context, "question answering");
  const width = startLogits.shape[1] as number;
  const [from, to] = [row * width, (row + 1) * width];
  return { start: startLogits.data.subarray(from, to), end: endLogits.data.subarray(from, to) };
}

/** Spans as parts of the passage; those that read alike are one, whose probabilities add up. */
function answersOf(text: string, passage: Windows, found: readonly Found[], alignToWords: boolean): Answer[] {
  const points = [...text];
  const { spans } = passage;
  const words = alignToWords ? wordsOf(text, passage.tokens, spans) : undefined;
  const answers: { answer: string; score: number; start: number; end: number }[] = [];
  const all = found.flatMap(({ window, spans }) => spans.map((span) => ({ ...span, window })));
  for (const { from, to, score, window } of all) {
    // A word that the part cuts through is what the part has of it.
    const first = words ? Math.max(window.from, words.indexOf(words[from] as number)) : from;
    const last = words ? Math.min(window.from + window.count - 1, words.lastIndexOf(words[to] as number)) : to;
    const [start, end] = [spans[first]?.[0] ?? 0, spans[last]?.[1] ?? 0];
    const answer = points.slice(start, end).join("");
    const same = answers.find((other) => other.answer.toLowerCase() === answer.toLowerCase());
    if (same) same.score += score;
    else answers.push({ answer, score, start, end });
  }
  return answers;
}
