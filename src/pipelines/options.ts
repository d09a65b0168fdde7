import { check, checkValue, isObject, type Rule, type Rules, rules, shown, unknownField } from "../common/index.ts";

/** The options of every call of a pipeline. */
export interface CallOptions {
  /** The number of inputs that are computed at once. */
  readonly batchSize?: number | undefined;
  /** Cancels the call. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each batch; `total` is unknown for a stream. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** The progress of a call over several inputs. */
export interface Progress {
  /** The number of inputs that are done. */
  readonly done: number;
  /** The number of inputs, if it is known. */
  readonly total: number | undefined;
}

export type OptionKind = keyof typeof kinds;

const oneOf = (...values: readonly string[]): Rule => ({
  fits: (value) => values.includes(value as string),
  expected: `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`,
});

/** The values that an option may have. */
const kinds = {
  ...rules,
  countOrNull: {
    fits: (value) => value === null || rules.count.fits(value),
    expected: "a whole number above 0, or null for all",
  },
  textOrTexts: { fits: (value) => rules.text.fits(value) || rules.texts.fits(value), expected: "a text or a list" },
  aggregation: oneOf("none", "simple", "first", "average", "max"),
  activation: oneOf("sigmoid", "softmax", "none"),
  pooling: oneOf("none", "modules", "mean", "cls", "max", "last", "mean-sqrt-length", "weighted-mean"),
} as const satisfies Rules;

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
  own: Readonly<Record<string, OptionKind>>,
  others: readonly string[] = [],
): void {
  check(isObject(options), "usage", () => `${task}: the options must be an object; got ${shown(options)}`);
  const known: Readonly<Record<string, OptionKind>> = { ...always, ...own };
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || others.includes(name)) continue;
    if (!Object.hasOwn(known, name)) throw unknownField(task, name, [...Object.keys(known), ...others]);
    checkValue(`${task}: ${name}`, value, kinds[known[name] as OptionKind]);
  }
}

/** A list of labels or words, given as one or with commas between; blank ones are refused. */
export function wordList(task: string, name: string, value: string | readonly string[] | undefined): string[] {
  const words = (typeof value === "string" ? value.split(",") : [...(value ?? [])]).map((word) => word.trim());
  check(words.length > 0 && words.some((word) => word !== ""), "usage", () => `${task}: give at least one of ${name}`);
  check(!words.includes(""), "usage", () => `${task}: one of ${name} is empty: ${JSON.stringify(words)}`);
  return words;
}
