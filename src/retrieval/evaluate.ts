import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { check, LecternError, parseJsonObject } from "../common/index.ts";
import { type Interval, shareInterval, squadExact, squadF1 } from "../evaluation/node.ts";
import { type AskOptions, ask } from "./ask.ts";
import { readTextFile } from "./folder-files.ts";
import type { Passage } from "./index-file.ts";
import type { PassageIndex, SearchOptions } from "./passage-index.ts";

/** Lines that hold the answer to a question. */
export type Place = Pick<Passage, "file" | "from" | "to">;

/** A question with the lines that answer it. */
export interface RetrievalItem {
  /** The question, as a user would ask it. */
  readonly question: string;
  /** Lines any of which answers it; none for a question that the folder does not answer. */
  readonly places: readonly Place[];
  /** Texts that count as the right answer; empty where answers are not compared. */
  readonly answers: readonly string[];
}

/** A share of items with its 95 % interval (Wilson). */
export interface Share {
  /** From 0 to 1. */
  readonly value: number;
  /** The 95 % interval of the share. */
  readonly interval: Interval;
  /** The number of items that the share is of. */
  readonly count: number;
}

/** The quality of searches. */
export interface RetrievalQuality {
  /** Questions for which one of the first k passages overlaps the right lines. */
  readonly recall: Share;
  /** The mean of 1 / rank of the first right passage, 0 where none of the first k is right. */
  readonly meanReciprocalRank: number;
  /** Questions with an answer for which no passage reached the threshold; undefined where there are none of them. */
  readonly missed?: Share | undefined;
  /** Questions without an answer for which no passage reached the threshold; undefined where there are none of them. */
  readonly refused?: Share | undefined;
  /** The rank of the first right passage of each question, from 1; undefined where none is right. */
  readonly ranks: readonly (number | undefined)[];
}

/** The quality of answers. */
export interface AnswerQuality {
  /** Answers that equal a right one but for case, punctuation and articles. */
  readonly exact: Share;
  /** The mean F1 of the words shared with the right answer that fits best, from 0 to 1. */
  readonly f1: number;
  /** The answer to each question; undefined where none was found. */
  readonly answers: readonly (string | undefined)[];
}

/**
 * Reads questions from a file of JSON lines. A question names the lines that answer it, or quotes them, and may have right
 * answers; one that nothing answers has no file:
 *
 * ```json
 * { "question": "How long may a key be?", "file": "security.md", "lines": [10, 14], "answer": "8 characters" }
 * { "question": "Are prompts logged?", "file": "server.md", "quote": "answers are never logged" }
 * { "question": "What does it cost?" }
 * ```
 *
 * @param folder the folder of the files, in which quotes are found
 * @throws LecternError with the line of what is wrong, such as a quote that its file does not hold exactly once
 */
export async function readQuestions(path: string, folder: string): Promise<RetrievalItem[]> {
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    throw new LecternError("file", `${path} cannot be read: ${cause.message}`, { cause });
  });
  const items: RetrievalItem[] = [];
  for (const [i, line] of text.split("\n").entries())
    if (line.trim() !== "") items.push(await itemOf(line, `${path}, line ${i + 1}`, folder));
  check(items.length > 0, "input", () => `${path} holds no question`);
  return items;
}

async function itemOf(line: string, where: string, folder: string): Promise<RetrievalItem> {
  const { question, file, lines, quote, answer = [] } = parseJsonObject(line, where, "input");
  check(typeof question === "string" && question.trim() !== "", "input", () => `${where}: question must be a text`);
  const answers = [answer].flat() as string[];
  const areTexts = answers.every((each) => typeof each === "string");
  check(areTexts, "input", () => `${where}: answer must be a text or a list of texts`);
  if (file === undefined) {
    check(lines === undefined && quote === undefined, "input", () => `${where}: lines and quote need file`);
    return { question, places: [], answers };
  }
  check(typeof file === "string", "input", () => `${where}: file must be a path below ${folder}`);
  const isQuoted = typeof quote === "string" && quote !== "" && lines === undefined;
  const place = isQuoted ? await placeOf(folder, { file, quote, where }) : { file, ...linesOf(lines, where) };
  return { question, places: [place], answers };
}

function linesOf(lines: unknown, where: string): Omit<Place, "file"> {
  const [from, to = from] = Array.isArray(lines) ? (lines as unknown[]) : [];
  const areLines = Number.isSafeInteger(from) && Number.isSafeInteger(to) && 0 < (from as number);
  check(areLines && (from as number) <= (to as number), "input", () => `${where}: give quote, or lines as [from, to]`);
  return { from: from as number, to: to as number };
}

async function placeOf(
  folder: string,
  { file, quote, where }: { readonly file: string; readonly quote: string; readonly where: string },
): Promise<Place> {
  const read = await readTextFile(join(folder, file));
  if (typeof read === "string") throw new LecternError("file", `${where}: ${join(folder, file)}: ${read}`);
  const at = read.text.indexOf(quote);
  const isOnce = at >= 0 && read.text.indexOf(quote, at + 1) < 0;
  check(isOnce, "input", () => `${where}: ${file} must hold the quote once; it does ${at < 0 ? "not" : "more often"}`);
  const from = read.text.slice(0, at).split("\n").length;
  return { file, from, to: from + quote.split("\n").length - 1 };
}

/** True if a passage shares a line with a place. */
export function overlaps(passage: Place, place: Place): boolean {
  return passage.file === place.file && passage.from <= place.to && passage.to >= place.from;
}

/** Options of `evaluateRetrieval`: `topK` is the k of recall@k. */
export type RetrievalOptions = Omit<SearchOptions, "minScore">;

/**
 * Measures recall@k over questions whose right lines are known, and how often the threshold is right.
 *
 * @throws LecternError where a place names a file that the index lacks
 */
export async function evaluateRetrieval(
  index: PassageIndex,
  items: readonly RetrievalItem[],
  options: RetrievalOptions = {},
): Promise<RetrievalQuality> {
  const files = new Set(index.passages.map(({ file }) => file));
  const stray = items.flatMap(({ places }) => places).find(({ file }) => !files.has(file));
  check(!stray, "input", () => `evaluateRetrieval: the index has no file ${stray?.file}, which a question names`);
  const ranks: (number | undefined)[] = [];
  const [near, far] = [[] as boolean[], [] as boolean[]];
  for (const { question, places } of items) {
    const { passages, bestScore } = await index.search(question, { ...options, minScore: -1 });
    (places.length > 0 ? near : far).push(bestScore < index.threshold(options.method));
    const at = passages.findIndex((passage) => places.some((place) => overlaps(passage, place)));
    ranks.push(at < 0 ? undefined : at + 1);
  }
  const answerable = ranks.filter((_, i) => (items[i] as RetrievalItem).places.length > 0);
  check(answerable.length > 0, "input", () => "evaluateRetrieval: no question has lines that answer it");
  return {
    recall: shareOf(answerable.map((rank) => rank !== undefined)),
    meanReciprocalRank: answerable.reduce<number>((sum, rank) => sum + (rank ? 1 / rank : 0), 0) / answerable.length,
    missed: near.length > 0 ? shareOf(near) : undefined,
    refused: far.length > 0 ? shareOf(far) : undefined,
    ranks,
  };
}

/** Measures answers over questions whose right answers are known; those without are left out. */
export async function evaluateAnswers(
  index: PassageIndex,
  items: readonly RetrievalItem[],
  options: AskOptions & Required<Pick<AskOptions, "model">>,
): Promise<AnswerQuality> {
  const known = items.filter(({ answers }) => answers.length > 0);
  check(known.length > 0, "input", () => "evaluateAnswers: no question has an answer to compare with");
  const answers: (string | undefined)[] = [];
  for (const { question } of known) {
    const { answer, isFound } = await ask(index, question, options);
    answers.push(isFound ? answer?.replaceAll(/\s*\[\d+\]/g, "") : undefined);
  }
  const right = (i: number): readonly string[] => (known[i] as RetrievalItem).answers;
  const f1 = answers.reduce<number>((sum, answer, i) => sum + (answer ? squadF1(answer, right(i)) : 0), 0);
  return {
    exact: shareOf(answers.map((answer, i) => answer !== undefined && squadExact(answer, right(i)) === 1)),
    f1: f1 / known.length,
    answers,
  };
}

function shareOf(outcomes: readonly boolean[]): Share {
  const successes = outcomes.filter(Boolean).length;
  return {
    value: successes / outcomes.length,
    interval: shareInterval(successes, outcomes.length),
    count: outcomes.length,
  };
}
