import { ownEntry } from "../common/index.ts";
import { typeError, valueError } from "./errors.ts";
import { fixed, positional, scientific, significant, writeFloat } from "./floats.ts";
import { asFloat, asInteger, type Integer, writeInteger } from "./integers.ts";
import { str, textOf, typeName } from "./print.ts";
import type { Run } from "./run.ts";
import { textBetween, textLength } from "./text.ts";
import { Float, Undefined, type Value } from "./values.ts";

/** A format specification, such as `>8,.2f`. */
interface Spec {
  readonly fill: string;
  readonly align: string | undefined;
  readonly sign: string;
  readonly noNegativeZero: boolean;
  readonly alternate: boolean;
  readonly width: number;
  readonly grouping: string;
  readonly precision: number | undefined;
  readonly type: string;
}

const SPEC = /^(?:(.)?([<>=^]))?([-+ ]?)(z?)(#?)(0?)(\d*)([,_]?)(?:\.(\d+))?(.?)$/su;

function readSpec(text: string, type: string): Spec {
  const match: (string | undefined)[] | null = SPEC.exec(text);
  if (!match) throw valueError(`Invalid format specifier '${text}' for object of type '${type}'`);
  const [, fill, align, sign = "", z, alternate, zero, width, grouping = "", precision, kind = ""] = match;
  const isPadded = zero === "0" && align === undefined;
  return {
    fill: fill ?? (zero ? "0" : " "),
    align: align ?? (isPadded && type !== "str" ? "=" : undefined),
    sign,
    noNegativeZero: z === "z",
    alternate: alternate === "#",
    width: widthOf(width),
    grouping,
    precision: precision === undefined ? undefined : widthOf(precision),
    type: kind,
  };
}

function widthOf(digits = ""): number {
  if (digits.length > 15) throw valueError("Too many decimal digits in format string");
  return Number(digits);
}

/** Python's `format(value, spec)`. */
export function formatValue(run: Run, value: Value, specification: string): string {
  const text = textOf(value);
  if (text !== undefined) return specification === "" ? text : formatText(run, text, readSpec(specification, "str"));
  if (typeof value === "boolean" && specification === "") return str(run, value);
  const isNumber = asFloatOrInteger(value);
  if (!isNumber) {
    if (specification === "") return str(run, value);
    if (value instanceof Undefined) throw typeError("unsupported format string passed to Undefined.__format__");
    throw typeError(`unsupported format string passed to ${typeName(value)}.__format__`);
  }
  if (specification === "") return str(run, value);
  const spec = readSpec(specification, typeName(value));
  const whole = asInteger(value);
  if (whole !== undefined && !/[eEfFgG%]/.test(spec.type)) return formatInteger(run, whole, spec);
  return formatFloat(run, asFloat(value) as number, spec, whole !== undefined);
}

const asFloatOrInteger = (value: Value): boolean => value instanceof Float || asInteger(value) !== undefined;

function formatText(run: Run, text: string, spec: Spec): string {
  if (spec.type !== "" && spec.type !== "s") throw unknownCode(spec.type, "str");
  if (spec.sign) throw valueError(`${spec.sign === " " ? "Space" : "Sign"} not allowed in string format specifier`);
  if (spec.align === "=") throw valueError("'=' alignment not allowed in string format specifier");
  if (spec.alternate) throw valueError("Alternate form (#) not allowed in string format specifier");
  if (spec.noNegativeZero) throw valueError("Negative zero coercion (z) not allowed in string format specifier");
  if (spec.grouping) throw valueError(`Cannot specify '${spec.grouping}' with 's'.`);
  const { precision } = spec;
  return aligned(
    run,
    { sign: "", digits: precision === undefined ? text : textBetween(text, 0, precision) },
    spec,
    "<",
  );
}

const unknownCode = (code: string, type: string): Error =>
  valueError(`Unknown format code '${code}' for object of type '${type}'`);

/** A number's sign, with a prefix such as `0x`, and its digits. */
interface Parts {
  readonly sign: string;
  readonly digits: string;
}

function aligned(run: Run, { sign, digits }: Parts, spec: Spec, usual: string): string {
  const missing = spec.width - textLength(sign) - textLength(digits);
  if (missing <= 0) return sign + digits;
  run.allocate(spec.width * spec.fill.length);
  const align = spec.align ?? usual;
  if (align === "=") return sign + spec.fill.repeat(missing) + digits;
  const before = align === ">" ? missing : align === "^" ? missing >> 1 : 0;
  return spec.fill.repeat(before) + sign + digits + spec.fill.repeat(missing - before);
}

const BASES: Readonly<Record<string, [base: number, prefix: string]>> = {
  b: [2, "0b"],
  o: [8, "0o"],
  x: [16, "0x"],
  X: [16, "0X"],
};

function formatInteger(run: Run, value: Integer, spec: Spec): string {
  const { type, precision, grouping } = spec;
  if (precision !== undefined) throw valueError("Precision not allowed in integer format specifier");
  if (spec.noNegativeZero)
    throw valueError("Negative zero coercion (z) not allowed in format specifier with integer format code");
  if (type === "c") return formatCharacter(run, value, spec);
  if (type !== "" && type !== "d" && type !== "n" && !Object.hasOwn(BASES, type)) throw unknownCode(type, "int");
  if (grouping && (type === "n" || (grouping === "," && Object.hasOwn(BASES, type))))
    throw valueError(`Cannot specify '${grouping}' with '${type}'.`);
  const [base, prefix] = ownEntry(BASES, type) ?? [10, ""];
  const size = value < 0 ? -value : value;
  const plain = base === 10 ? writeInteger(size) : size.toString(base);
  const sign = signOf(value < 0, spec) + (spec.alternate ? prefix : "");
  const digits = type === "X" ? plain.toUpperCase() : plain;
  return aligned(run, { sign, digits: grouped(run, digits, spec, sign.length, base === 10 ? 3 : 4) }, spec, ">");
}

function formatCharacter(run: Run, value: Integer, spec: Spec): string {
  if (spec.sign) throw valueError("Sign not allowed with integer format specifier 'c'");
  if (spec.alternate) throw valueError("Alternate form (#) not allowed with integer format specifier 'c'");
  if (spec.grouping) throw valueError(`Cannot specify '${spec.grouping}' with 'c'.`);
  if (value < 0 || value > 0x10ffff) throw typeError("%c arg not in range(0x110000)");
  return aligned(run, { sign: "", digits: String.fromCodePoint(Number(value)) }, spec, ">");
}

const signOf = (isNegative: boolean, { sign }: Spec): string => (isNegative ? "-" : sign === "-" ? "" : sign);

/** Digits with separators; padding zeros are grouped with them. */
function grouped(run: Run, digits: string, spec: Spec, used: number, size: number): string {
  if (!spec.grouping) return digits;
  const [whole, rest] = [/^[0-9a-zA-Z]*/.exec(digits)?.[0] ?? "", digits.replace(/^[0-9a-zA-Z]*/, "")];
  let padded = whole;
  if (spec.align === "=" && spec.fill === "0") {
    const room = spec.width - used - rest.length;
    run.allocate(Math.max(room, 0));
    const least = room - Math.floor(room / (size + 1));
    const needed = Math.max(whole.length, least + Math.floor((least - 1) / size) < room ? least + 1 : least);
    padded = whole.padStart(needed, "0");
  }
  const pattern = new RegExp(`\\B(?=(?:.{${size}})+$)`, "g");
  return padded.replace(pattern, spec.grouping) + rest;
}

function formatFloat(run: Run, value: number, spec: Spec, isInteger: boolean): string {
  const { type, grouping } = spec;
  if (!/^[eEfFgGn%]?$/.test(type)) throw unknownCode(type, isInteger ? "int" : "float");
  if (grouping && type === "n") throw valueError(`Cannot specify '${grouping}' with 'n'.`);
  let digits = floatDigits(run, Math.abs(value), { type, precision: spec.precision, alternate: spec.alternate });
  const isNegative = value < 0 || Object.is(value, -0);
  const isZero = spec.noNegativeZero && !/[1-9a-z]/i.test(digits.replace(/e.*$/i, ""));
  const sign = signOf(isNegative && !isZero, spec);
  if (/\d/.test(digits)) {
    const [whole, rest] = [/^\d*/.exec(digits)?.[0] ?? "", digits.replace(/^\d*/, "")];
    digits = grouped(run, whole, spec, sign.length + rest.length, 3) + rest;
  }
  return aligned(run, { sign, digits }, spec, ">");
}

/** The format of a float. */
interface FloatStyle {
  readonly type: string;
  readonly precision: number | undefined;
  readonly alternate: boolean;
}

/** The largest precision that Python takes. */
const MAX_PRECISION = 2 ** 31 - 1;

/** The digits of a number not below 0 in a style of `format` or `%`. */
export function floatDigits(run: Run, value: number, { type, precision, alternate }: FloatStyle): string {
  if (precision !== undefined && precision > MAX_PRECISION) throw valueError("precision too big");
  if (!Number.isFinite(value)) return notFinite(value, type);
  const places = precision ?? 6;
  if (type === "%") return `${withPoint(fixed(run, value * 100, places), alternate)}%`;
  if (type === "f" || type === "F") return withPoint(fixed(run, value, places), alternate);
  if (type === "e" || type === "E") {
    const [digits, exponent] = significant(run, value, places + 1);
    const mark = type === "e" ? "e" : "E";
    return alternate && places === 0
      ? scientific(`${digits}`, exponent, `.${mark}`)
      : scientific(digits, exponent, mark);
  }
  if (type === "" && precision === undefined)
    return alternate ? writeFloat(value).replace(/^(\d+)(e|$)/, "$1.$2") : writeFloat(value);
  return general(run, value, { type, precision: Math.max(1, places), alternate });
}

function notFinite(value: number, type: string): string {
  const text = (Number.isNaN(value) ? "nan" : "inf") + (type === "%" ? "%" : "");
  return /[EFG]/.test(type) ? text.toUpperCase() : text;
}

const withPoint = (digits: string, alternate: boolean): string =>
  alternate && !digits.includes(".") ? `${digits}.` : digits;

/** `%g`: as many digits as the precision says, without zeros at the end, with an exponent where that is shorter. */
function general(run: Run, value: number, { type, precision = 6, alternate }: FloatStyle): string {
  const [all, exponent] = significant(run, value, precision);
  const digits = alternate ? all : all.replace(/(?<=.)0+$/, "");
  const limit = type === "" ? precision - 1 : precision;
  if (exponent < -4 || exponent >= limit) {
    const text = scientific(digits, exponent, type === "G" ? "E" : "e");
    return alternate && digits.length === 1 ? text.replace(/e/i, ".$&") : text;
  }
  const text = positional(digits, exponent, type === "");
  return alternate ? withPoint(text, true) : text;
}
