import { PythonError, typeError, valueError } from "./errors.ts";
import { floatDigits } from "./format-spec.ts";
import { asFloat, asInteger, type Integer, integer, writeInteger } from "./integers.ts";
import { ascii, repr, str, textOf, typeName } from "./print.ts";
import { escapeHtml } from "./protocols.ts";
import type { Run } from "./run.ts";
import { textBetween, textLength } from "./text.ts";
import { Bytes, Dict, Float, Markup, Range, Tuple, Undefined, type Value } from "./values.ts";

/** One conversion, such as `%(name)-8.3f`. */
interface Conversion {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
  readonly type: string;
}

/** The source of a conversion's values: one after the other, or by key. */
class Source {
  readonly #values: readonly Value[];
  readonly #given: Value;
  readonly isMapping: boolean;
  #next = 0;

  constructor(given: Value) {
    this.#given = given;
    this.#values = given instanceof Tuple ? given.items : [given];
    this.isMapping =
      Array.isArray(given) || [Dict, Undefined, Range, Bytes].some((kind) => given instanceof (kind as typeof Dict));
  }

  next(): Value {
    const value = this.#values[this.#next++];
    if (value === undefined) throw typeError("not enough arguments for format string");
    return value;
  }

  byKey(key: string): Value {
    if (!this.isMapping) throw typeError("format requires a mapping");
    if (this.#given instanceof Undefined) throw this.#given.fail();
    if (!(this.#given instanceof Dict)) throw typeError("list indices must be integers or slices, not str");
    const value = this.#given.get(key);
    if (value === undefined) throw new PythonError("KeyError", `'${key}'`);
    return value;
  }

  get isUsedUp(): boolean {
    return this.isMapping || this.#next >= this.#values.length;
  }
}

const CONVERSION = /%(\()?/g;
const REST = /([-+ #0]*)(\*|\d+)?(?:\.(\*|\d*))?[hlL]?(.?)/suy;

/** Python's `text % values`. */
export function percentFormat(run: Run, format: string | Markup, given: Value): Value {
  const text = textOf(format) as string;
  const source = new Source(given);
  const write = (value: string): string => (format instanceof Markup ? escapeHtml(run, value).text : value);
  let [result, from] = ["", 0];
  for (let found = next(text, from); found; found = next(text, from)) {
    run.step();
    result += text.slice(from, found.index);
    let at = found.index + found[0].length;
    let value: Value | undefined;
    if (found[1]) {
      const close = closing(text, at);
      value = source.byKey(text.slice(at, close));
      at = close + 1;
    }
    REST.lastIndex = at;
    const match = REST.exec(text) as RegExpExecArray;
    from = REST.lastIndex;
    if (match[4] === "%") result += "%";
    else {
      const conversion = read(match, source);
      result += converted(run, conversion, value === undefined ? source.next() : value, write);
    }
    run.allocate(result.length >> 6);
  }
  if (!source.isUsedUp) throw typeError("not all arguments converted during string formatting");
  const whole = run.text(result + text.slice(from));
  return format instanceof Markup ? new Markup(whole) : whole;
}

function next(text: string, from: number): RegExpExecArray | null {
  CONVERSION.lastIndex = from;
  return CONVERSION.exec(text);
}

function closing(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    if (text[at] === "(") depth++;
    if (text[at] === ")" && --depth === 0) return at;
  }
  throw valueError("incomplete format key");
}

function read([, flags = "", width, precision, type = ""]: RegExpExecArray, source: Source): Conversion {
  if (type === "") throw valueError("incomplete format");
  const size = width === "*" ? star(source) : Number(width ?? 0);
  const places =
    precision === "*" ? Math.max(0, star(source)) : precision === undefined ? undefined : Number(precision);
  return { flags: size < 0 ? `${flags}-` : flags, width: Math.abs(size), precision: places, type };
}

function star(source: Source): number {
  const value = asInteger(source.next());
  if (value === undefined) throw typeError("* wants int");
  return Number(value);
}

function converted(run: Run, conversion: Conversion, value: Value, write: (value: string) => string): string {
  const { type, precision } = conversion;
  if (type === "s" || type === "r" || type === "a") {
    const whole =
      type === "s" ? markupOrText(run, value, write) : write(type === "r" ? repr(run, value) : ascii(run, value));
    const text = precision === undefined ? whole : textBetween(whole, 0, precision);
    return padded(run, { sign: "", digits: text }, { ...conversion, flags: conversion.flags.replaceAll("0", "") });
  }
  if (type === "c") {
    const flags = conversion.flags.replaceAll("0", "");
    return padded(run, { sign: "", digits: character(value) }, { ...conversion, flags });
  }
  if (/[diuoxX]/.test(type)) return padded(run, integerParts(run, conversion, value), conversion);
  if (/[eEfFgG]/.test(type)) return padded(run, floatParts(run, conversion, value), conversion);
  throw valueError(`unsupported format character '${type}' (0x${type.codePointAt(0)?.toString(16)})`);
}

const markupOrText = (run: Run, value: Value, write: (value: string) => string): string =>
  value instanceof Markup ? value.text : write(str(run, value));

function character(value: Value): string {
  const text = textOf(value);
  if (text !== undefined && textLength(text) === 1) return text;
  const code = asInteger(value);
  if (code === undefined) throw typeError("%c requires int or char");
  if (code < 0 || code > 0x10ffff) throw new PythonError("OverflowError", "%c arg not in range(0x110000)");
  return String.fromCodePoint(Number(code));
}

interface Parts {
  readonly sign: string;
  readonly digits: string;
}

const signOf = (isNegative: boolean, flags: string): string =>
  isNegative ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";

function integerParts(run: Run, { type, flags, precision = 0 }: Conversion, value: Value): Parts {
  const whole = wholeNumber(value, type);
  const size = whole < 0 ? -whole : whole;
  const base = type === "o" ? 8 : /x/i.test(type) ? 16 : 10;
  const plain = base === 10 ? writeInteger(size) : size.toString(base);
  run.allocate(precision);
  const digits = (type === "X" ? plain.toUpperCase() : plain).padStart(precision, "0");
  const prefix = flags.includes("#") && base !== 10 ? `0${type}` : "";
  return { sign: signOf(whole < 0, flags) + prefix, digits };
}

function wholeNumber(value: Value, type: string): Integer {
  const whole = asInteger(value);
  if (whole !== undefined) return whole;
  if (value instanceof Undefined) throw value.fail();
  if (!(value instanceof Float) || /[oxX]/.test(type))
    throw typeError(
      `%${type} format: ${/[oxX]/.test(type) ? "an integer" : "a real number"} is required, not ${typeName(value)}`,
    );
  return truncate(value.value);
}

/** Python's `int(value)` of a float. */
export function truncate(value: number): Integer {
  if (Number.isNaN(value)) throw valueError("cannot convert float NaN to integer");
  if (!Number.isFinite(value)) throw new PythonError("OverflowError", "cannot convert float infinity to integer");
  return integer(BigInt(Math.trunc(value)));
}

function floatParts(run: Run, { type, flags, precision }: Conversion, value: Value): Parts {
  const number = asFloat(value);
  if (number === undefined) {
    if (value instanceof Undefined) throw value.fail();
    throw typeError(`must be real number, not ${typeName(value)}`);
  }
  const isNegative = number < 0 || Object.is(number, -0);
  const digits = floatDigits(run, Math.abs(number), { type, precision, alternate: flags.includes("#") });
  return { sign: signOf(isNegative, flags), digits };
}

function padded(run: Run, { sign, digits }: Parts, { flags, width }: Conversion): string {
  const missing = width - textLength(sign) - textLength(digits);
  if (missing <= 0) return sign + digits;
  run.allocate(width);
  if (flags.includes("-")) return sign + digits + " ".repeat(missing);
  return flags.includes("0") ? sign + "0".repeat(missing) + digits : " ".repeat(missing) + sign + digits;
}
