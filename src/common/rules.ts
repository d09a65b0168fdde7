import { check, type ErrorCode, LecternError, suggestion } from "./errors.ts";
import { isObject } from "./json.ts";
import { shown } from "./shown.ts";

/** A test of a value from outside, and the words for what passes it. */
export interface Rule {
  readonly fits: (value: unknown) => boolean;
  /** "a whole number above 0" */
  readonly expected: string;
}

export type Rules = Readonly<Record<string, Rule>>;

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value);

export const isTokenId = (value: unknown): value is number => isWhole(value) && value >= 0;

/** True if a value is a list of what fits; a place that was never set, as in `[, 1]`, counts as undefined. */
export function isListOf(value: unknown, fits: (item: unknown) => boolean): value is unknown[] {
  return Array.isArray(value) && Array.from(value).every((item) => fits(item));
}

export const isTokenIds = (value: unknown): value is number[] => isListOf(value, isTokenId);

/** Rules that many places share. */
export const rules = {
  count: { fits: (value) => isWhole(value) && value > 0, expected: "a whole number above 0" },
  size: { fits: (value) => isWhole(value) && value >= 0, expected: "a whole number from 0" },
  flag: { fits: (value) => typeof value === "boolean", expected: "true or false" },
  text: { fits: (value) => typeof value === "string", expected: "a text" },
  name: { fits: (value) => typeof value === "string" && value !== "", expected: "a text that is not empty" },
  texts: {
    fits: (value) => isListOf(value, (text) => typeof text === "string"),
    expected: "a list of texts",
  },
  function: { fits: (value) => typeof value === "function", expected: "a function" },
  signal: { fits: (value) => value instanceof AbortSignal, expected: "an AbortSignal" },
  object: { fits: isObject, expected: "an object" },
} as const satisfies Rules;

/** Throws unless a value fits its rule: `generate: onToken must be a function; got 5`. */
export function checkValue(what: string, value: unknown, { fits, expected }: Rule, code: ErrorCode = "usage"): void {
  check(fits(value), code, () => `${what} must be ${expected}; got ${shown(value)}`);
}

/**
 * Checks an object of options or inputs from outside: every field known, and each that is set as its rule has it.
 * @param noun for a field, in the message about one that is not known: "option", "input"
 */
export function checkFields(what: string, value: unknown, known: Rules, noun = "option"): void {
  check(isObject(value), "usage", () => `${what}: the ${noun}s must be an object; got ${shown(value)}`);
  for (const [name, field] of Object.entries(value)) {
    if (!Object.hasOwn(known, name)) throw unknownField(what, name, Object.keys(known), noun);
    if (field !== undefined) checkValue(`${what}: ${name}`, field, known[name] as Rule);
  }
}

/** The error for a field that is not known, with the known one that it may be a slip of. */
export function unknownField(what: string, name: string, known: readonly string[], noun = "option"): LecternError {
  return new LecternError(
    "usage",
    `${what}: there is no ${noun} ${shown(name).slice(1, -1)}${suggestion(name, known)}`,
  );
}
