import { TemplateError } from "./errors.ts";
import { integer } from "./integers.ts";
import { ITEM, type Run } from "./run.ts";
import { Callable, Dict, Float, type Value } from "./values.ts";

/** Lists and objects within others; deeper values are refused. */
const MAX_DEPTH = 200;

/** Integers of JavaScript's numbers are exact up to here; larger ones are written in full until they get an exponent. */
const LARGEST_WRITTEN = 1e21;

/**
 * A value of JavaScript as one of Python, copied: integers are `int`, other numbers `float`, null is None; what has no
 * counterpart is the name of its class, so that a template can only see that it is there. The lists and objects that were
 * copied are kept in `origins`, by their copies.
 */
export function toValue(run: Run, given: unknown, origins?: Map<object, object>, depth = 0): Value {
  run.step();
  if (depth > MAX_DEPTH) throw new TemplateError("limit", "a value given to the template is nested too deep");
  if (given === null || given === undefined) return null;
  if (typeof given === "string") return run.text(given);
  if (typeof given === "boolean") return given;
  if (typeof given === "number") return numberValue(given);
  if (typeof given === "bigint") return integer(given);
  if (given instanceof Callable || given instanceof Float) return given;
  if (Array.isArray(given)) {
    run.allocate(given.length * ITEM);
    return kept(
      Array.from(given, (item) => toValue(run, item, origins, depth + 1)),
      given,
      origins,
    );
  }
  const entries = entriesOf(given);
  if (entries) {
    const dict = new Dict();
    for (const [key, value] of entries) {
      if (value === undefined) continue;
      run.items(2);
      dict.set(toValue(run, key, origins, depth + 1), toValue(run, value, origins, depth + 1));
    }
    return kept(dict, given as object, origins);
  }
  return `<${typeof given === "object" ? (given.constructor?.name ?? "object") : typeof given}>`;
}

function numberValue(value: number): Value {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return value;
  return Number.isInteger(value) && Math.abs(value) < LARGEST_WRITTEN && value !== 0
    ? integer(BigInt(value))
    : new Float(value);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function kept<T extends object>(copy: T, given: object, origins: Map<object, object> | undefined): T {
  origins?.set(copy, given);
  return copy;
}

/** The entries of a map or of a plain object; undefined for others. */
function entriesOf(given: unknown): Iterable<[unknown, unknown]> | undefined {
  if (given instanceof Map) return given.entries();
  return typeof given === "object" && given !== null && isPlain(given) ? Object.entries(given) : undefined;
}
