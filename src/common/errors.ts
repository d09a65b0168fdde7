import { redact, redactCause } from "./secrets.ts";

const LONGEST_MESSAGE = 4000;
const LONGEST_END = 500;
/** A longer name is no slip of a known one. */
const LONGEST_NAME = 200;

/**
 * Every failure that Lectern explains, by a code that stays the same between versions.
 *
 * - `usage`: the caller asked for something that cannot be (an unknown option, a contradiction)
 * - `shape`: a tensor's shape or dtype does not fit an operation
 * - `file`: a file is missing, damaged, or cannot be written
 * - `config`: a model's configuration is unknown, or contradicts its weights or tokenizer
 * - `input`: text, ids or a request that the model cannot take
 * - `unsupported`: known in the field, not available here
 * - `hub`: the model hub refused, or could not be reached
 * - `engine`: ONNX Runtime refused or failed
 * - `numeric`: a NaN or an infinity where a number was needed
 * - `abort`: the caller cancelled
 */
export type ErrorCode =
  | "usage"
  | "shape"
  | "file"
  | "config"
  | "input"
  | "unsupported"
  | "hub"
  | "engine"
  | "numeric"
  | "abort";

/**
 * The one error class. Its message says the operation, what was expected, what it got, and what to do:
 * `attention: head size must divide hidden size; hiddenSize 770, numAttentionHeads 12; check config.json`.
 */
export class LecternError extends Error {
  /** Always `LecternError`. */
  override readonly name = "LecternError";
  /** The kind of failure, stable between versions. */
  readonly code: ErrorCode;

  /** Secrets that are known or look like some are hidden in the message and in its cause. */
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(redact(shortened(message)), options && "cause" in options ? { cause: redactCause(options.cause) } : options);
    this.code = code;
  }
}

/** A message of which too long a middle is left out: names and values in it may come from a file. */
function shortened(message: string): string {
  if (message.length <= LONGEST_MESSAGE) return message;
  return `${message.slice(0, LONGEST_MESSAGE - LONGEST_END)} … ${message.slice(-LONGEST_END)}`;
}

/** Throws a {@link LecternError} unless the condition holds; the message is made only on failure. */
export function check(condition: unknown, code: ErrorCode, message: () => string): asserts condition {
  if (!condition) throw new LecternError(code, message());
}

/** Throws code `abort` if the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new LecternError("abort", "cancelled by the caller");
}

/** The entry of `known` with the smallest edit distance to `name`, for "did you mean …?". */
function nearest(name: string, known: Iterable<string>): string | undefined {
  const short = name.slice(0, LONGEST_NAME);
  let best: string | undefined;
  let smallest = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = editDistance(short.toLowerCase(), candidate.toLowerCase());
    if (distance < smallest) [best, smallest] = [candidate, distance];
  }
  return best;
}

/** The entry of `known` that a name is a slip of, if there is one. */
export function closest(name: string, known: Iterable<string>): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  const found = nearest(name, known);
  const slips = found === undefined ? 0 : editDistance(name.toLowerCase(), found.toLowerCase());
  return slips <= Math.ceil(name.length / 3) && slips < name.length ? found : undefined;
}

/** "; did you mean …?" where a known name is close, else nothing. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const found = closest(name, known);
  return found === undefined ? "" : `; did you mean ${found}?`;
}

/** As many names as a message lists at most. */
const MOST_LISTED = 15;

/** "; did you mean …?" where a known name is close, else a list of the known ones where they are few. */
export function suggestion(name: string, known: Iterable<string>): string {
  const all = [...known];
  const list = all.length > 0 && all.length <= MOST_LISTED ? `; known are ${all.join(", ")}` : "";
  return didYouMean(name, all) || list;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
