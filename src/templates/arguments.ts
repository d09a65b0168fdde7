import { typeError } from "./errors.ts";
import { asInteger } from "./integers.ts";
import { textOf, typeName } from "./print.ts";
import type { Run } from "./run.ts";
import { type Keywords, Undefined, type Value } from "./values.ts";

/** The arguments of a call by parameter, undefined where the default holds. */
export type Bound = readonly (Value | undefined)[];

/** A function's parameters: `a b?` are one that is needed and one with a default; `/` before them forbids names. */
export class Signature {
  readonly #name: string;
  readonly #parameters: readonly string[];
  readonly #needed: number;
  readonly #hasNames: boolean;

  constructor(name: string, parameters: string) {
    const words = parameters.split(" ").filter((word) => word !== "");
    this.#name = name;
    this.#hasNames = words[0] !== "/";
    const own = this.#hasNames ? words : words.slice(1);
    this.#parameters = own.map((word) => word.replace("?", ""));
    this.#needed = own.filter((word) => !word.endsWith("?")).length;
  }

  bind(args: readonly Value[], keywords: Keywords): Bound {
    if (args.length > this.#parameters.length)
      throw typeError(`${this.#name}() takes at most ${this.#parameters.length} arguments (${args.length} given)`);
    if (keywords.size === 0 && args.length >= this.#needed) return args;
    const bound: (Value | undefined)[] = [...args];
    for (const [name, value] of keywords) {
      const at = this.#hasNames ? this.#parameters.indexOf(name) : -1;
      if (at < 0) throw typeError(`${this.#name}() got an unexpected keyword argument '${name}'`);
      if (bound[at] !== undefined) throw typeError(`${this.#name}() got multiple values for argument '${name}'`);
      bound[at] = value;
    }
    for (let i = 0; i < this.#needed; i++)
      if (bound[i] === undefined)
        throw typeError(`${this.#name}() missing required argument: '${this.#parameters[i]}'`);
    return bound;
  }
}

/** An argument that must be an integer, cut to what JavaScript's numbers hold exactly. */
export function integerArgument(value: Value | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  const whole = asInteger(value);
  if (whole === undefined) {
    if (value instanceof Undefined) throw typeError("'Undefined' object cannot be interpreted as an integer");
    throw typeError(`'${typeName(value)}' object cannot be interpreted as an integer`);
  }
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(whole)));
}

/** An argument that must be a text. */
export function textArgument(value: Value | undefined, what: string): string {
  const text = textOf(value);
  if (text === undefined) throw typeError(`${what} must be str, not ${typeName(value ?? null)}`);
  return text;
}

/** An argument that is a text, or None for its default. */
export function optionalText(value: Value | undefined, what: string): string | undefined {
  return value === undefined || value === null ? undefined : textArgument(value, what);
}

/** A function with a signature: its body gets the arguments in the parameters' order. */
export type Implementation = (run: Run, args: Bound) => Value;
