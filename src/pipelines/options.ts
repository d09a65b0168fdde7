import { check, LecternError, nearest } from "../common/index.ts";

/** What every call of a pipeline takes. */
export interface CallOptions {
  /** How many inputs are computed at once. */
  readonly batchSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told after each batch; `total` is unknown for inputs that stream in. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface Progress {
  readonly done: number;
  readonly total: number | undefined;
}

export type OptionKind = keyof typeof rules;

const isText = (value: unknown): boolean => typeof value === "string";

/** What an option may be, and how that is said. */
const rules = {
  count: [(value: unknown) => Number.isSafeInteger(value) && Number(value) > 0, "a whole number above 0"],
  size: [(value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0, "a whole number from 0"],
  countOrNull: [
    (value: unknown) => value === null || (Number.isSafeInteger(value) && Number(value) > 0),
    "a whole number above 0, or null for all",
  ],
  flag: [(value: unknown) => typeof value === "boolean", "true or false"],
  text: [isText, "a text"],
  textOrTexts: [(value: unknown) => isText(value) || (Array.isArray(value) && value.every(isText)), "a text or a list"],
  texts: [(value: unknown) => Array.isArray(value) && value.every(isText), "a list of texts"],
  aggregation: [
    (value: unknown) => ["none", "simple", "first", "average", "max"].includes(value as string),
    "none, simple, first, average or max",
  ],
  activation: [
    (value: unknown) => ["sigmoid", "softmax", "none"].includes(value as string),
    "sigmoid, softmax or none",
  ],
  pooling: [
    (value: unknown) =>
      ["none", "mean", "cls", "max", "last", "mean-sqrt-length", "weighted-mean"].includes(value as string),
    "none, mean, cls, max, last, mean-sqrt-length or weighted-mean",
  ],
  function: [(value: unknown) => typeof value === "function", "a function"],
  signal: [(value: unknown) => value instanceof AbortSignal, "an AbortSignal"],
} as const satisfies Record<string, readonly [(value: unknown) => boolean, string]>;

const always: Readonly<Record<keyof CallOptions, OptionKind>> = {
  batchSize: "count",
  signal: "signal",
  onProgress: "function",
};

/**
 * Throws code `usage` for an option that the task does not know, naming the nearest, and for a value it cannot be.
 * @param others also allowed, and checked elsewhere
 */
export function checkOptions(
  task: string,
  options: object,
  kinds: Readonly<Record<string, OptionKind>>,
  others: readonly string[] = [],
): void {
  const known: Readonly<Record<string, OptionKind>> = { ...always, ...kinds };
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || others.includes(name)) continue;
    if (!Object.hasOwn(known, name)) {
      const hint = nearest(name, [...Object.keys(known), ...others]);
      throw new LecternError("usage", `${task}: there is no option ${name}; did you mean ${hint}?`);
    }
    const [fits, expected] = rules[known[name] as OptionKind];
    check(fits(value), "usage", () => `${task}: ${name} must be ${expected}; got ${JSON.stringify(value)}`);
  }
}

/** A list of labels or words, given as one or with commas between; blank ones are refused. */
export function wordList(task: string, name: string, value: string | readonly string[] | undefined): string[] {
  const words = (typeof value === "string" ? value.split(",") : [...(value ?? [])]).map((word) => word.trim());
  check(words.length > 0 && words.some((word) => word !== ""), "usage", () => `${task}: give at least one of ${name}`);
  check(!words.includes(""), "usage", () => `${task}: one of ${name} is empty: ${JSON.stringify(words)}`);
  return words;
}
