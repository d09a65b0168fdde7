import { valueError } from "./errors.ts";
import { decimalDigits } from "./integers.ts";
import type { Run } from "./run.ts";
import { trim } from "./text.ts";

/** `repr(value)` of a float: the shortest digits that give it back, with an exponent below 1e-4 and from 1e16. */
export function writeFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value < 0 ? "-inf" : "inf";
  if (Object.is(value, -0)) return "-0.0";
  const [digits, exponent] = shortest(value);
  const sign = value < 0 ? "-" : "";
  if (value !== 0 && (exponent < -4 || exponent >= 16)) return sign + scientific(digits, exponent);
  return sign + (value === 0 ? "0.0" : positional(digits, exponent, true));
}

function shortest(value: number): [digits: string, exponent: number] {
  const [mantissa, exponent] = Math.abs(value).toExponential().split("e") as [string, string];
  return [mantissa.replace(".", ""), Number(exponent)];
}

/** Digits of which the first stands before the point, with an exponent of at least two digits. */
export function scientific(digits: string, exponent: number, mark = "e"): string {
  const rest = digits.slice(1);
  const size = String(Math.abs(exponent)).padStart(2, "0");
  return `${digits[0]}${rest && `.${rest}`}${mark}${exponent < 0 ? "-" : "+"}${size}`;
}

/** Digits of which the first is worth 10 to the exponent, written without one. */
export function positional(digits: string, exponent: number, hasPoint = false): string {
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const rest = digits.slice(exponent + 1);
  return rest || hasPoint ? `${whole}.${rest || "0"}` : whole;
}

/** A finite number not below 0 as an exact fraction: `mantissa * 2 ** exponent`. */
function exact(value: number): [mantissa: bigint, exponent: number] {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const raw = bits.getBigUint64(0);
  const exponent = Number(raw >> 52n) & 0x7ff;
  const fraction = raw & ((1n << 52n) - 1n);
  return exponent === 0 ? [fraction, -1074] : [fraction | (1n << 52n), exponent - 1075];
}

/** `round(value * 10 ** places)` of a number not below 0, exactly, ties to even. */
function scaled(run: Run, value: number, places: number): bigint {
  const [mantissa, exponent] = exact(value);
  run.bits(Math.ceil(Math.abs(places) * 3.33) + Math.abs(exponent) + 60);
  let top = mantissa * (places > 0 ? 10n ** BigInt(places) : 1n);
  let bottom = places < 0 ? 10n ** BigInt(-places) : 1n;
  if (exponent > 0) top <<= BigInt(exponent);
  else bottom <<= BigInt(-exponent);
  const quotient = top / bottom;
  const twice = (top - quotient * bottom) * 2n;
  return twice > bottom || (twice === bottom && quotient % 2n === 1n) ? quotient + 1n : quotient;
}

/** Digits of a finite number not below 0 with a number of places after the point, as Python's `%.Nf`. */
export function fixed(run: Run, value: number, places: number): string {
  run.allocate(places + 320);
  const digits = scaled(run, value, places)
    .toString()
    .padStart(places + 1, "0");
  return places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

/** The first `count` digits of a finite number not below 0, rounded, with the exponent of the first. */
export function significant(run: Run, value: number, count: number): [digits: string, exponent: number] {
  run.allocate(count + 320);
  if (value === 0) return ["0".repeat(count), 0];
  let exponent = Number(value.toExponential().split("e")[1]);
  let digits = scaled(run, value, count - 1 - exponent).toString();
  if (digits.length > count) {
    exponent++;
    digits = digits.slice(0, count);
  }
  return [digits, exponent];
}

/** Python's `round(value, places)` of a float. */
export function roundFloat(run: Run, value: number, places: number): number {
  if (!Number.isFinite(value) || places > 323) return value;
  if (places < -309) return value < 0 ? -0 : 0;
  const digits = scaled(run, Math.abs(value), places);
  const size = Number(`${digits}e${-places}`);
  if (!Number.isFinite(size)) throw valueError("rounded value too large to represent");
  return value < 0 || Object.is(value, -0) ? -size : size;
}

/** Python's `float(text)`; undefined where the text is no number. */
export function readFloat(text: string): number | undefined {
  const trimmed = decimalDigits(trim(text));
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(trimmed);
  if (special) {
    const size = /^n/i.test(special[2] as string) ? Number.NaN : Number.POSITIVE_INFINITY;
    return special[1] === "-" ? -size : size;
  }
  const isNumber = /^[+-]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)(e[+-]?\d+(_\d+)*)?$/i.test(trimmed);
  return isNumber ? Number(trimmed.replaceAll("_", "")) : undefined;
}
