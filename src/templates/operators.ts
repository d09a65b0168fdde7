import { typeError } from "./errors.ts";
import {
  addIntegers,
  asFloat,
  asInteger,
  divideFloats,
  divideIntegers,
  floorDivideFloats,
  type Integer,
  multiplyIntegers,
  negate,
  powerFloats,
  powerIntegers,
  subtractIntegers,
  trueDivide,
} from "./integers.ts";
import { percentFormat } from "./percent-format.ts";
import { textOf, typeName } from "./print.ts";
import { compare, contains, equal, escapeHtml } from "./protocols.ts";
import { ITEM, type Run } from "./run.ts";
import { Bytes, Float, Markup, Tuple, Undefined, type Value } from "./values.ts";

export type BinaryOperator = "+" | "-" | "*" | "/" | "//" | "%" | "**";

/** The behaviour of an operator on integers, and on numbers of which one is a float. */
interface Arithmetic {
  integers(run: Run, a: Integer, b: Integer): Integer | Float;
  floats(a: number, b: number): number;
}

const ARITHMETIC: Readonly<Record<BinaryOperator, Arithmetic>> = {
  "+": { integers: (_, a, b) => addIntegers(a, b), floats: (a, b) => a + b },
  "-": { integers: (_, a, b) => subtractIntegers(a, b), floats: (a, b) => a - b },
  "*": { integers: multiplyIntegers, floats: (a, b) => a * b },
  "/": { integers: (_, a, b) => new Float(trueDivide(a, b)), floats: divideFloats },
  "//": { integers: (run, a, b) => divideIntegers(run, a, b)[0], floats: (a, b) => floorDivideFloats(a, b)[0] },
  "%": { integers: (run, a, b) => divideIntegers(run, a, b)[1], floats: (a, b) => floorDivideFloats(a, b)[1] },
  "**": { integers: powerIntegers, floats: powerFloats },
};

/** Python's arithmetic, of texts and lists too. */
export function binary(run: Run, operator: BinaryOperator, a: Value, b: Value): Value {
  if (typeof a === "string" && typeof b === "string" && operator === "+") return run.text(a + b);
  const [x, y] = [asInteger(a), asInteger(b)];
  if (x !== undefined && y !== undefined) return ARITHMETIC[operator].integers(run, x, y);
  const [f, g] = [asFloat(a), asFloat(b)];
  if (f !== undefined && g !== undefined) return new Float(ARITHMETIC[operator].floats(f, g));
  const special = operator === "+" ? add(run, a, b) : operator === "*" ? multiply(run, a, b) : undefined;
  if (special !== undefined) return special;
  if (operator === "%" && textOf(a) !== undefined) return percentFormat(run, a as string | Markup, b);
  if (a instanceof Undefined) throw a.fail();
  if (b instanceof Undefined) throw b.fail();
  throw typeError(`unsupported operand type(s) for ${operator}: '${typeName(a)}' and '${typeName(b)}'`);
}

function add(run: Run, a: Value, b: Value): Value | undefined {
  const [s, t] = [textOf(a), textOf(b)];
  if (s !== undefined && t !== undefined)
    return new Markup(run.text(escapeHtml(run, a).text + escapeHtml(run, b).text));
  if (Array.isArray(a) && Array.isArray(b)) {
    run.items(a.length + b.length);
    return a.concat(b);
  }
  if (a instanceof Tuple && b instanceof Tuple) {
    run.items(a.items.length + b.items.length);
    return new Tuple(a.items.concat(b.items));
  }
  if (a instanceof Bytes && b instanceof Bytes) return new Bytes(Uint8Array.from([...a.data, ...b.data]));
  if (s !== undefined && !(b instanceof Undefined))
    throw typeError(`can only concatenate str (not "${typeName(b)}") to str`);
  return undefined;
}

function multiply(run: Run, a: Value, b: Value): Value | undefined {
  const times = asInteger(b) ?? asInteger(a);
  if (times === undefined) return undefined;
  const repeated = asInteger(b) === undefined ? b : a;
  const count = Math.max(0, Number(times));
  const text = textOf(repeated);
  if (text !== undefined) {
    run.allocate(text.length * count);
    const result = text === "" ? "" : text.repeat(count);
    return repeated instanceof Markup ? new Markup(result) : result;
  }
  if (repeated instanceof Bytes) {
    run.allocate(repeated.data.length * count);
    return new Bytes(Uint8Array.from(Array.from({ length: count }, () => [...repeated.data]).flat()));
  }
  const items = repeated instanceof Tuple ? repeated.items : repeated;
  if (!Array.isArray(items)) return undefined;
  run.allocate(items.length * count * ITEM);
  const list = items.length === 0 ? [] : Array.from({ length: count }, () => items as Value[]).flat();
  return repeated instanceof Tuple ? new Tuple(list) : list;
}

export function negative(value: Value): Value {
  const whole = asInteger(value);
  if (whole !== undefined) return negate(whole);
  if (value instanceof Float) return new Float(-value.value);
  throw value instanceof Undefined ? value.fail() : typeError(`bad operand type for unary -: '${typeName(value)}'`);
}

export function positive(value: Value): Value {
  const whole = asInteger(value);
  if (whole !== undefined) return whole;
  if (value instanceof Float) return value;
  throw value instanceof Undefined ? value.fail() : typeError(`bad operand type for unary +: '${typeName(value)}'`);
}

export type Comparison = "eq" | "ne" | "lt" | "lteq" | "gt" | "gteq" | "in" | "notin";

export const COMPARISONS: Readonly<Record<Comparison, (run: Run, a: Value, b: Value) => boolean>> = {
  eq: equal,
  ne: (run, a, b) => !equal(run, a, b),
  lt: (run, a, b) => compare(run, a, b, "<") < 0,
  lteq: (run, a, b) => compare(run, a, b, "<=") <= 0,
  gt: (run, a, b) => compare(run, a, b, ">") > 0,
  gteq: (run, a, b) => compare(run, a, b, ">=") >= 0,
  in: (run, a, b) => contains(run, b, a),
  notin: (run, a, b) => !contains(run, b, a),
};
