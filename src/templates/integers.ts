import { ownEntry } from "../common/index.ts";
import { PythonError, valueError } from "./errors.ts";
import type { Run } from "./run.ts";
import { trim } from "./text.ts";
import { Float, type Value } from "./values.ts";

/** An integer of Python, which has no largest one: a number where it is a safe one, else a bigint. */
export type Integer = number | bigint;

export function integer(value: bigint): Integer {
  return value >= MIN_SAFE && value <= MAX_SAFE ? Number(value) : value;
}

const [MIN_SAFE, MAX_SAFE] = [BigInt(Number.MIN_SAFE_INTEGER), BigInt(Number.MAX_SAFE_INTEGER)];

/** The integer that a value is, as bools are; undefined for others. */
export function asInteger(value: Value | undefined): Integer | undefined {
  if (typeof value === "number" || typeof value === "bigint") return value;
  return typeof value === "boolean" ? Number(value) : undefined;
}

/** The number that a value is, as one of JavaScript; undefined for others. */
export function asFloat(value: Value | undefined): number | undefined {
  if (value instanceof Float) return value.value;
  const whole = asInteger(value);
  return whole === undefined ? undefined : toFloat(whole);
}

export function toFloat(value: Integer): number {
  const result = Number(value);
  if (!Number.isFinite(result)) throw new PythonError("OverflowError", "int too large to convert to float");
  return result;
}

/** The number of bits that an integer has. */
export function bitLength(value: Integer): number {
  const size = typeof value === "bigint" ? (value < 0n ? -value : value) : BigInt(Math.abs(value));
  return size === 0n
    ? 0
    : size.toString(16).length * 4 - Math.clz32(Number.parseInt(size.toString(16)[0] as string, 16)) + 28;
}

/** The most decimal digits that Python writes or reads of an integer. */
const MAX_DIGITS = 4300;

export function writeInteger(value: Integer): string {
  const text = String(value);
  if (text.length - (value < 0 ? 1 : 0) > MAX_DIGITS)
    throw tooManyDigits("; use sys.set_int_max_str_digits() to increase the limit");
  return text;
}

const tooManyDigits = (rest: string): PythonError =>
  valueError(`Exceeds the limit (${MAX_DIGITS} digits) for integer string conversion${rest}`);

/** Python's `int(text, base)`: underscores between digits, a sign, a prefix; undefined where the text is no integer. */
export function readInteger(run: Run, text: string, base = 10): Integer | undefined {
  const match = /^([+-]?)(0[xob])?(_?[0-9a-z]+(?:_[0-9a-z]+)*)$/i.exec(decimalDigits(trim(text)));
  if (!match) return readPlain(run, text, base);
  const [, sign = "", prefix, digits = ""] = match;
  const radix = ownEntry(PREFIXES, (prefix ?? "").toLowerCase());
  if (radix === undefined || (base !== 0 && base !== radix)) return readPlain(run, text, base);
  return signed(sign, digitsValue(run, digits.replaceAll("_", ""), radix));
}

const PREFIXES: Readonly<Record<string, number>> = { "0x": 16, "0o": 8, "0b": 2 };

function readPlain(run: Run, text: string, base: number): Integer | undefined {
  const match = /^([+-]?)([0-9a-z]+(?:_[0-9a-z]+)*)$/i.exec(decimalDigits(trim(text)));
  if (!match) return undefined;
  const digits = (match[2] as string).replaceAll("_", "");
  if (base === 0 && /^0+[1-9a-z]/i.test(digits)) return undefined;
  return signed(match[1] as string, digitsValue(run, digits, base || 10));
}

const signed = (sign: string, value: bigint | undefined): Integer | undefined =>
  value === undefined ? undefined : integer(sign === "-" ? -value : value);

function digitsValue(run: Run, digits: string, base: number): bigint | undefined {
  const isPower = (base & (base - 1)) === 0;
  if (!isPower && digits.length > MAX_DIGITS) throw tooManyDigits(`: value has ${digits.length} digits`);
  run.bits(Math.ceil(digits.length * Math.log2(base)));
  let value = 0n;
  for (const digit of digits) {
    const worth = Number.parseInt(digit, 36);
    if (worth >= base) return undefined;
    value = value * BigInt(base) + BigInt(worth);
  }
  return value;
}

/** A text whose decimal digits of other scripts are 0 to 9, as Python reads numbers. */
export function decimalDigits(text: string): string {
  return /\P{ASCII}/u.test(text)
    ? text.replace(/\p{Nd}/gu, (digit) => {
        let zero = digit.codePointAt(0) as number;
        const at = zero;
        while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1)) && at - zero < 9) zero--;
        return String(at - zero);
      })
    : text;
}

const noZero = (what: string): PythonError => new PythonError("ZeroDivisionError", what);

export function addIntegers(a: Integer, b: Integer): Integer {
  if (typeof a === "number" && typeof b === "number") {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return integer(BigInt(a) + BigInt(b));
}

export const subtractIntegers = (a: Integer, b: Integer): Integer => addIntegers(a, negate(b));

/** An integer's negative; numbers have a second zero, which integers have not. */
export const negate = (a: Integer): Integer => (typeof a === "bigint" ? integer(-a) : 0 - a);

export function multiplyIntegers(run: Run, a: Integer, b: Integer): Integer {
  if (typeof a === "number" && typeof b === "number") {
    const product = a * b;
    if (Number.isSafeInteger(product)) return product + 0;
  }
  run.bits(bitLength(a) + bitLength(b));
  return integer(BigInt(a) * BigInt(b));
}

/** `a // b` and `a % b`: the quotient is rounded down, so the remainder has the divisor's sign. */
export function divideIntegers(run: Run, a: Integer, b: Integer): [quotient: Integer, remainder: Integer] {
  if (b === 0) throw noZero("integer division or modulo by zero");
  run.bits(Math.max(typeof a === "bigint" ? bitLength(a) : 0, typeof b === "bigint" ? bitLength(b) : 0));
  const [x, y] = [BigInt(a), BigInt(b)];
  let remainder = x % y;
  if (remainder !== 0n && remainder < 0n !== y < 0n) remainder += y;
  return [integer((x - remainder) / y), integer(remainder)];
}

/** `a / b` of integers, correctly rounded. */
export function trueDivide(a: Integer, b: Integer): number {
  if (b === 0) throw noZero("division by zero");
  if (typeof a === "number" && typeof b === "number") return a / b;
  const [x, y] = [BigInt(a), BigInt(b)];
  const [m, n] = [x < 0n ? -x : x, y < 0n ? -y : y];
  const shift = BigInt(Math.max(0, 66 - (bitLength(m) - bitLength(n))));
  const scaled = m << shift;
  const quotient = scaled / n;
  const sticky = quotient * n === scaled ? quotient : quotient | 1n;
  const size = Number(sticky) / 2 ** Number(shift);
  if (!Number.isFinite(size)) throw new PythonError("OverflowError", "integer division result too large for a float");
  return x < 0n !== y < 0n ? -size : size;
}

/** `a ** b` of integers: an integer, or a float where the exponent is negative. */
export function powerIntegers(run: Run, a: Integer, b: Integer): Integer | Float {
  if (b >= 0) {
    if (a === 0 || a === 1 || a === -1) return a === -1 && Number(BigInt(b) % 2n) === 0 ? 1 : b === 0 ? 1 : a;
    run.bits(Number(b) * bitLength(a));
    return integer(BigInt(a) ** BigInt(b));
  }
  return new Float(powerFloats(toFloat(a), toFloat(b)));
}

export function powerFloats(a: number, b: number): number {
  if (a === 0 && b < 0) throw noZero("0.0 cannot be raised to a negative power");
  if (a < 0 && Number.isFinite(a) && Number.isFinite(b) && !Number.isInteger(b))
    throw valueError("a negative number to a fractional power is complex, which templates cannot use");
  if (a === 1 || (a === -1 && !Number.isFinite(b) && !Number.isNaN(b))) return 1;
  const result = a ** b;
  if (!Number.isFinite(result) && Number.isFinite(a) && Number.isFinite(b))
    throw new PythonError("OverflowError", "(34, 'Numerical result out of range')");
  return result;
}

export function floorDivideFloats(a: number, b: number): [quotient: number, remainder: number] {
  if (b === 0) throw noZero("float floor division by zero");
  let remainder = a % b;
  let quotient = (a - remainder) / b;
  if (remainder !== 0) {
    if (b < 0 !== remainder < 0) {
      remainder += b;
      quotient -= 1;
    }
  } else remainder = b < 0 ? -0 : 0;
  if (quotient === 0) return [a / b < 0 || Object.is(a / b, -0) ? -0 : 0, remainder];
  const floor = Math.floor(quotient);
  return [quotient - floor > 0.5 ? floor + 1 : floor, remainder];
}

export function divideFloats(a: number, b: number): number {
  if (b === 0) throw noZero("float division by zero");
  return a / b;
}
