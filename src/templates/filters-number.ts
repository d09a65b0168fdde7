import { integerArgument } from "./arguments.ts";
import { isPythonError, PythonError, typeError } from "./errors.ts";
import { type Filter, filters } from "./filter.ts";
import { fixed, readFloat, roundFloat } from "./floats.ts";
import {
  asFloat,
  asInteger,
  bitLength,
  divideIntegers,
  type Integer,
  integer,
  multiplyIntegers,
  negate,
  readInteger,
  subtractIntegers,
  toFloat,
} from "./integers.ts";
import { jsonOptions, writeJson } from "./json.ts";
import { absolute } from "./methods.ts";
import { binary } from "./operators.ts";
import { truncate } from "./percent-format.ts";
import { prettyPrint } from "./pretty-print.ts";
import { textOf, typeName } from "./print.ts";
import { toList, truth } from "./protocols.ts";
import type { Run } from "./run.ts";
import { Float, Undefined, type Value } from "./values.ts";

type Args = readonly (Value | undefined)[];

/** Python's `float(value)`. */
function floatOf(value: Value): number {
  const text = textOf(value);
  const number = text === undefined ? asFloat(value) : readFloat(text);
  if (number !== undefined) return number;
  if (text !== undefined) throw new PythonError("ValueError", `could not convert string to float: '${text}'`);
  if (value instanceof Undefined) throw value.fail();
  throw typeError(`float() argument must be a string or a real number, not '${typeName(value)}'`);
}

function toInt(run: Run, [value = null, fallback = 0, base]: Args): Value {
  try {
    const text = textOf(value);
    const radix = integerArgument(base, 10);
    if (text !== undefined) {
      if (radix !== 0 && (radix < 2 || radix > 36))
        throw new PythonError("ValueError", "int() base must be >= 2 and <= 36, or 0");
      const whole = readInteger(run, text, radix);
      if (whole !== undefined) return whole;
      return truncate(floatOf(value));
    }
    return asInteger(value) ?? truncate(floatOf(value));
  } catch (cause) {
    if (isPythonError(cause, "TypeError", "ValueError")) return intOfFloat(value, fallback);
    if (isPythonError(cause, "OverflowError") && textOf(value) !== undefined) return fallback;
    throw cause;
  }
}

function intOfFloat(value: Value, fallback: Value): Value {
  try {
    return truncate(floatOf(value));
  } catch (cause) {
    if (isPythonError(cause, "TypeError", "ValueError", "OverflowError")) return fallback;
    throw cause;
  }
}

function round(run: Run, [value = null, precision = 0, method]: Args): Value {
  const kind = method === undefined ? "common" : textOf(method);
  if (kind !== "common" && kind !== "ceil" && kind !== "floor")
    throw new PythonError("FilterArgumentError", "method must be common, ceil or floor");
  if (kind === "common")
    return roundValue(run, value, precision === null ? undefined : integerArgument(precision, 0), precision === null);
  const scale = binary(run, "**", 10, precision);
  const scaled = binary(run, "*", value, scale);
  const number = asInteger(scaled) ?? roundedTo(floatOfNumber(scaled), kind);
  return binary(run, "/", number, scale);
}

function floatOfNumber(value: Value): number {
  const number = asFloat(value);
  if (number === undefined) throw typeError(`must be real number, not ${typeName(value)}`);
  return number;
}

const roundedTo = (value: number, kind: "ceil" | "floor"): Integer =>
  truncate(Number.isFinite(value) ? Math[kind](value) : value);

function roundValue(run: Run, value: Value, precision = 0, toInteger = false): Value {
  if (value instanceof Float) {
    const rounded = roundFloat(run, value.value, precision);
    return toInteger ? truncate(rounded) : new Float(rounded);
  }
  const whole = asInteger(value);
  if (whole === undefined) throw typeError(`type ${typeName(value)} doesn't define __round__ method`);
  return precision >= 0 ? whole : roundInteger(run, whole, -precision);
}

/** An integer rounded to tens, hundreds and so on, ties to even. */
function roundInteger(run: Run, value: Integer, zeros: number): Integer {
  if (zeros * 3 > bitLength(value) + 6) return 0;
  const unit = integer(10n ** BigInt(zeros));
  const [quotient, remainder] = divideIntegers(run, value, unit);
  const twice = multiplyIntegers(run, remainder, 2);
  const isUp = twice > unit || (BigInt(twice) === BigInt(unit) && BigInt(quotient) % 2n !== 0n);
  const down = subtractIntegers(value, remainder);
  return isUp ? subtractIntegers(down, negate(unit)) : down;
}

const UNITS = ["k", "M", "G", "T", "P", "E", "Z", "Y"];

function fileSize(run: Run, [value = null, binaryUnits]: Args): Value {
  const isBinary = binaryUnits !== undefined && truth(run, binaryUnits);
  const base = isBinary ? 1024 : 1000;
  const bytes = floatOf(value);
  if (bytes === 1) return "1 Byte";
  if (bytes < base) return `${truncate(bytes)} Bytes`;
  const found = UNITS.findIndex((_, i) => bytes < base ** (i + 2));
  const at = found < 0 ? UNITS.length - 1 : found;
  const unit = toFloat(integer(BigInt(base) ** BigInt(at + 2)));
  const letter = UNITS[at] as string;
  const number = (base * bytes) / unit;
  const digits = Number.isFinite(number) ? fixed(run, Math.abs(number), 1) : Number.isNaN(number) ? "nan" : "inf";
  return `${digits} ${isBinary ? `${letter.toUpperCase()}iB` : `${letter}B`}`;
}

function toJson(run: Run, [value = null, ensureAscii, indent, separators, sortKeys]: Args): Value {
  const pair = separators === undefined || separators === null ? undefined : toList(run, separators).map(textOf);
  if (pair && pair.length !== 2) throw new PythonError("ValueError", "separators must be two texts");
  const level = indent === undefined || indent === null ? undefined : (textOf(indent) ?? integerArgument(indent, 0));
  const options = jsonOptions({
    ensureAscii: ensureAscii !== undefined && truth(run, ensureAscii),
    indent: level,
    separators: pair,
    sortKeys: sortKeys !== undefined && truth(run, sortKeys),
  });
  return writeJson(run, value, options);
}

/** The filters of numbers, and those that write any value. */
export const NUMBER_FILTERS: readonly (readonly [string, Filter])[] = filters({
  abs: ["/ x", (_, [value = null]) => absolute(value)],
  filesizeformat: ["value binary?", fileSize],
  float: [
    "value default?",
    (_, [value = null, fallback = new Float(0)]) => {
      try {
        return new Float(floatOf(value));
      } catch (cause) {
        if (isPythonError(cause, "TypeError", "ValueError")) return fallback;
        throw cause;
      }
    },
  ],
  int: ["value default? base?", toInt],
  pprint: ["value", (run, [value = null]) => prettyPrint(run, value)],
  round: ["value precision? method?", round],
  tojson: ["x ensure_ascii? indent? separators? sort_keys?", toJson],
});
