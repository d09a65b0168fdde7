import { check, LecternError } from "../common/index.ts";
import type { Model } from "../inference/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import type { CallOptions, OptionKind } from "./options.ts";

/** The parts of a pipeline that its task's function may use. */
export interface TaskContext {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  /** The task's name, for messages, and as the checkpoint's settings know it. */
  readonly task: string;
  readonly batchSize: number;
  readonly signal: AbortSignal | undefined;
  readonly onDone: (done: number) => void;
}

/**
 * One task: what it takes, what it gives, and how.
 *
 * @typeParam Elsewhere the names of options that `run` has checked elsewhere
 */
export interface Task<Input, Options extends CallOptions, Output, Elsewhere extends PropertyKey = never> {
  /** A shipped model to use where none is named. */
  readonly defaultModel?: string;
  readonly batchSize: number;
  /** Options beside those that every call takes. */
  readonly options: Readonly<Record<Exclude<keyof Options, keyof CallOptions | Elsewhere> & string, OptionKind>>;
  /** Options that `run` has checked elsewhere. */
  readonly otherOptions?: readonly string[];
  /** True if an argument is a single input and not a list of them; default: what is no array. */
  readonly isOne?: (argument: unknown) => boolean;
  /** Input and options of a call with a second argument before its options. */
  readonly withSecond?: (input: unknown, second: unknown) => { input?: unknown; options?: object };
  /** Throws where an input is none; gives what `run` gets. */
  readonly parse: (input: unknown, place: string) => Input;
  /** The results of inputs, in their order. */
  readonly run: (context: TaskContext, inputs: readonly Input[], options: Options) => Promise<Output[]>;
  /** The result of a call with one input, where it differs from that for each input of a list. */
  readonly one?: (output: Output, options: Options) => unknown;
}

/** An input that must be a text. */
export function parseText(input: unknown, place: string): string {
  check(typeof input === "string", "input", () => `${place} must be a text; got ${describe(input)}`);
  return input;
}

/** A field of an input that must be a text. */
export function textField(input: unknown, name: string, place: string): string {
  const value = (input as Readonly<Record<string, unknown>> | null)?.[name];
  return parseText(value, `${place}: ${name}`);
}

export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? `a list of ${value.length}` : typeof value === "object" ? "an object" : typeof value;
}

/** The number of tokens that the model takes at once: its window, or less where its tokenizer says so. */
export function windowOf({ model, tokenizer }: Pick<TaskContext, "model" | "tokenizer">): number {
  return Math.min(model.contextWindow, tokenizer.maxLength ?? Number.POSITIVE_INFINITY);
}

/** As an option of `encode`: undefined where nothing bounds a text. */
export function maxLengthOf(context: Pick<TaskContext, "model" | "tokenizer">): { maxLength?: number } {
  const most = windowOf(context);
  return Number.isFinite(most) ? { maxLength: most } : {};
}

/** The error for a model without the task's head. */
export function lacksHead({ model, task }: TaskContext, head: string): LecternError {
  const [architecture] = (model.config.architectures ?? []) as string[];
  const is = architecture === undefined ? model.family : `${model.family} (${architecture})`;
  return new LecternError("unsupported", `${task}: this checkpoint (${is}) has no head for ${head}; use another model`);
}
