import { isListOf, isObject, isTokenId, isTokenIds, type Rule, rules } from "../common/index.ts";

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isShare = (value: unknown): value is number => isNumber(value) && value >= 0 && value <= 1;

/** A number that may be infinite. */
const isAmount = (value: unknown): boolean => typeof value === "number" && !Number.isNaN(value);

const isTexts = (value: unknown): boolean => isListOf(value, (text) => typeof text === "string" && text !== "");

/** A list of token ids that holds one. */
const isWord = (value: unknown): boolean => isTokenIds(value) && value.length > 0;

const isWords = (value: unknown): value is unknown[] => isListOf(value, isWord);

const SCHEDULES = ["constant", "heuristic", "heuristic_transient"];

/** So many rows are computed at once at most: beyond, a model's memory is taken up by copies of one prompt. */
const MOST_ROWS = 1024;

/** The values that options take. */
export const optionKinds = {
  count: rules.count,
  size: rules.size,
  rows: {
    fits: (value) => rules.count.fits(value) && Number(value) <= MOST_ROWS,
    expected: `a whole number from 1 to ${MOST_ROWS}`,
  },
  positive: { fits: (value) => isNumber(value) && value > 0, expected: "a number above 0" },
  temperature: { fits: (value) => isNumber(value) && value >= 0, expected: "a number from 0" },
  share: { fits: isShare, expected: "a number from 0 to 1" },
  topP: { fits: (value) => isShare(value) && value > 0, expected: "a number above 0, up to 1" },
  flag: rules.flag,
  real: { fits: isNumber, expected: "a number" },
  id: { fits: isTokenId, expected: "a token id" },
  ids: {
    fits: (value) => value === null || isTokenId(value) || isTokenIds(value),
    expected: "a token id, a list of them, or null",
  },
  idLists: { fits: isWords, expected: "a list of lists of token ids" },
  biases: {
    fits: (value) => isListOf(value, (pair) => Array.isArray(pair) && isBias(pair)),
    expected: "a list of [token ids, number]",
  },
  bias: {
    fits: (value) => isObject(value) && Object.entries(value).every(([id, amount]) => isIdText(id) && isAmount(amount)),
    expected: "an object of numbers by token id",
  },
  decay: {
    fits: (value) =>
      Array.isArray(value) && value.length === 2 && isTokenId(value[0]) && isNumber(value[1]) && value[1] > 0,
    expected: "[new tokens, factor]",
  },
  name: rules.name,
  stops: {
    fits: (value) => rules.name.fits(value) || isTexts(value),
    expected: "a text that is not empty, or a list of such",
  },
  schedule: {
    fits: (value) => SCHEDULES.includes(value as string),
    expected: '"constant", "heuristic" or "heuristic_transient"',
  },
  layers: {
    fits: (value) => value === "low" || value === "high" || isWord(value),
    expected: '"low", "high" or a list of layers',
  },
  words: {
    fits: (value) => isListOf(value, (word) => isWord(word) || (isWords(word) && word.length > 0)) && value.length > 0,
    expected: "a list of lists of token ids, or of lists of such lists",
  },
  earlyStopping: {
    fits: (value) => typeof value === "boolean" || value === "never",
    expected: 'true, false or "never"',
  },
} as const satisfies Readonly<Record<string, Rule>>;

export type OptionKind = keyof typeof optionKinds;

function isBias(pair: readonly unknown[]): boolean {
  return pair.length === 2 && isWord(pair[0]) && isAmount(pair[1]);
}

function isIdText(text: string): boolean {
  return /^\d+$/.test(text) && isTokenId(Number(text));
}
