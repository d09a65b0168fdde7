import { check, type ErrorCode, LecternError, suggestion } from "./errors.ts";
import { isObject } from "./json.ts";

/** A test of a value from outside, and the words for what passes it. */
export interface Rule {
  readonly fits: (value: unknown) => boolean;
  /** "a whole number above 0" */
  readonly expected: string;
}

export type Rules = Readonly<Record<string, Rule>>;

const LONGEST_SHOWN = 60;

/** A value from outside as an error message shows it: short, on one line, whatever it is. */
export function show(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (typeof value === "symbol") return "a symbol";
  if (typeof value !== "object" || value === null) {
    return cut(typeof value === "string" ? JSON.stringify(value) : String(value));
  }
  if (Array.isArray(value) && value.length === 0) return "an empty list";
  const kind = Array.isArray(value) ? `a list of ${value.length}` : "an object";
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name}`;
  try {
    const text = JSON.stringify(value, (_, part) =>
      typeof part === "bigint" || (typeof part === "number" && !Number.isFinite(part))
        ? `\u0000${typeof part === "bigint" ? `${part}n` : part}`
        : part,
    ).replace(/"\\u0000([^"]*)"/g, "$1");
    return text.length <= LONGEST_SHOWN ? text : kind;
  } catch {
    return kind;
  }
}

function cut(text: string): string {
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}…`;
}

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value);

export const isTokenId = (value: unknown): value is number => isWhole(value) && value >= 0;

export const isTokenIds = (value: unknown): value is number[] => Array.isArray(value) && value.every(isTokenId);

/** Rules that many places share. */
export const rules = {
  count: { fits: (value) => isWhole(value) && value > 0, expected: "a whole number above 0" },
  size: { fits: (value) => isWhole(value) && value >= 0, expected: "a whole number from 0" },
  flag: { fits: (value) => typeof value === "boolean", expected: "true or false" },
  text: { fits: (value) => typeof value === "string", expected: "a text" },
  name: { fits: (value) => typeof value === "string" && value !== "", expected: "a text that is not empty" },
  texts: {
    fits: (value) => Array.isArray(value) && value.every((text) => typeof text === "string"),
    expected: "a list of texts",
  },
  function: { fits: (value) => typeof value === "function", expected: "a function" },
  signal: { fits: (value) => value instanceof AbortSignal, expected: "an AbortSignal" },
  object: { fits: isObject, expected: "an object" },
} as const satisfies Rules;

/** Throws unless a value fits its rule: `generate: onToken must be a function; got 5`. */
export function checkValue(what: string, value: unknown, { fits, expected }: Rule, code: ErrorCode = "usage"): void {
  check(fits(value), code, () => `${what} must be ${expected}; got ${show(value)}`);
}

/**
 * Checks an object of options or inputs from outside: every field known, and each that is set as its rule has it.
 * @param noun for a field, in the message about one that is not known: "option", "input"
 */
export function checkFields(what: string, value: unknown, known: Rules, noun = "option"): void {
  check(isObject(value), "usage", () => `${what}: the ${noun}s must be an object; got ${show(value)}`);
  for (const [name, field] of Object.entries(value)) {
    if (!Object.hasOwn(known, name)) throw unknownField(what, name, Object.keys(known), noun);
    if (field !== undefined) checkValue(`${what}: ${name}`, field, known[name] as Rule);
  }
}

/** The error for a field that is not known, with the known one that it may be a slip of. */
export function unknownField(what: string, name: string, known: readonly string[], noun = "option"): LecternError {
  return new LecternError("usage", `${what}: there is no ${noun} ${cut(name)}${suggestion(name, known)}`);
}
