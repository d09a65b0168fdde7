import { integerArgument } from "./arguments.ts";
import { PythonError, typeError, valueError } from "./errors.ts";
import { bitLength, type Integer, integer, negate } from "./integers.ts";
import { type Method, methods } from "./method.ts";
import { repr, textOf, typeName } from "./print.ts";
import { contains, equal, iterate, toList } from "./protocols.ts";
import type { Run } from "./run.ts";
import { Bytes, Dict, DictView, Float, type Range, Tuple, type Value } from "./values.ts";

const itemsOf = (value: Value[] | Tuple): readonly Value[] => (value instanceof Tuple ? value.items : value);

export const LIST_METHODS: ReadonlyMap<string, Method<Value[] | Tuple>> = methods<Value[] | Tuple>({
  copy: ["/", (run, list) => toList(run, list)],
  count: ["/ value", (run, list, [value]) => itemsOf(list).filter((item) => equal(run, item, value as Value)).length],
  index: [
    "/ value start? stop?",
    (run, list, [value, start, stop]) => {
      const items = itemsOf(list);
      const from = clamped(integerArgument(start, 0), items.length);
      const to = clamped(integerArgument(stop, items.length), items.length);
      for (let i = from; i < to; i++) if (equal(run, items[i] as Value, value as Value)) return i;
      throw valueError(
        list instanceof Tuple ? "tuple.index(x): x not in tuple" : `${repr(run, value as Value)} is not in list`,
      );
    },
  ],
});

const clamped = (index: number, length: number): number =>
  Math.max(0, Math.min(length, index < 0 ? index + length : index));

const found = (value: Value | undefined, fallback: Value | undefined): Value =>
  value !== undefined ? value : fallback === undefined ? null : fallback;

export const DICT_METHODS: ReadonlyMap<string, Method<Dict>> = methods<Dict>({
  copy: ["/", (run, dict) => dictOf(run, [dict], new Map())],
  fromkeys: ["/ keys value?", (run, _, [keys, value]) => fromKeys(run, keys as Value, value)],
  get: ["/ key default?", (_, dict, [key, fallback]) => found(dict.get(key as Value), fallback)],
  items: ["/", (_, dict) => new DictView(dict, "items")],
  keys: ["/", (_, dict) => new DictView(dict, "keys")],
  values: ["/", (_, dict) => new DictView(dict, "values")],
});

export function fromKeys(run: Run, keys: Value, value: Value = null): Dict {
  const dict = new Dict();
  for (const key of toList(run, keys)) dict.set(key, value);
  return dict;
}

/** Python's `dict(…)`: of a mapping or of pairs, and of keywords. */
export function dictOf(run: Run, args: readonly Value[], keywords: ReadonlyMap<string, Value>): Dict {
  if (args.length > 1) throw typeError(`dict expected at most 1 argument, got ${args.length}`);
  const dict = new Dict();
  const [given] = args;
  if (given instanceof Dict) {
    run.items(given.size * 2);
    for (const [key, value] of given.entries()) dict.set(key, value);
  } else if (given !== undefined) {
    for (const [i, pair] of toList(run, given).entries()) {
      const [key, value, ...rest] = pairOf(run, pair, i);
      if (value === undefined || rest.length > 0)
        throw valueError(
          `dictionary update sequence element #${i} has length ${rest.length + (key === undefined ? 0 : value === undefined ? 1 : 2)}; 2 is required`,
        );
      dict.set(key as Value, value);
    }
  }
  run.items(keywords.size * 2);
  for (const [key, value] of keywords) dict.set(key, value);
  return dict;
}

function pairOf(run: Run, pair: Value, index: number): Value[] {
  try {
    return toList(run, pair);
  } catch (cause) {
    if (!(cause instanceof PythonError) || cause.type !== "TypeError") throw cause;
    throw typeError(`cannot convert dictionary update sequence element #${index} to a sequence`);
  }
}

export const RANGE_METHODS: ReadonlyMap<string, Method<Range>> = methods<Range>({
  count: ["/ value", (run, range, [value]) => Number(contains(run, range, value as Value))],
  index: [
    "/ value",
    (run, range, [value]) => {
      const items = iterate(run, range);
      let i = 0;
      for (let next = items.next(); !next.done; next = items.next(), i++)
        if (equal(run, next.value, value as Value)) return i;
      throw valueError(`${repr(run, value as Value)} is not in range`);
    },
  ],
});

/** Attributes of numbers that are no methods. */
export function numberAttribute(value: Value, name: string): Value | undefined {
  if (name === "real") return typeof value === "boolean" ? Number(value) : value;
  if (name === "imag") return value instanceof Float ? new Float(0) : 0;
  if (value instanceof Float) return undefined;
  if (name === "numerator") return typeof value === "boolean" ? Number(value) : value;
  return name === "denominator" ? 1 : undefined;
}

const INTEGER_METHODS = methods<Integer | boolean>({
  as_integer_ratio: ["/", (_, value) => new Tuple([wholeOf(value), 1])],
  bit_count: [
    "/",
    (_, value) => {
      const bits = BigInt(value);
      return (bits < 0n ? -bits : bits).toString(2).replaceAll("0", "").length;
    },
  ],
  bit_length: ["/", (_, value) => bitLength(wholeOf(value))],
  conjugate: ["/", (_, value) => wholeOf(value)],
  to_bytes: [
    "length? byteorder?",
    (run, value, [length, order]) => toBytes(run, wholeOf(value), integerArgument(length, 1), textOf(order) ?? "big"),
  ],
});

const wholeOf = (value: Integer | boolean): Integer => (typeof value === "boolean" ? Number(value) : value);

function toBytes(run: Run, value: Integer, length: number, order: string): Bytes {
  if (order !== "big" && order !== "little") throw valueError("byteorder must be either 'little' or 'big'");
  if (value < 0) throw new PythonError("OverflowError", "can't convert negative int to unsigned");
  if (bitLength(value) > length * 8) throw new PythonError("OverflowError", "int too big to convert");
  run.allocate(length);
  const hex = value.toString(16).padStart(length * 2, "0");
  const data = Uint8Array.from({ length }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
  return new Bytes(order === "big" ? data : data.reverse());
}

const FLOAT_METHODS = methods<Float>({
  as_integer_ratio: ["/", (_, { value }) => integerRatio(value)],
  conjugate: ["/", (_, self) => self],
  is_integer: ["/", (_, { value }) => Number.isInteger(value)],
});

function integerRatio(value: number): Tuple {
  if (Number.isNaN(value)) throw valueError("cannot convert NaN to integer ratio");
  if (!Number.isFinite(value)) throw new PythonError("OverflowError", "cannot convert Infinity to integer ratio");
  let [top, bottom] = [value, 1n];
  while (!Number.isInteger(top)) [top, bottom] = [top * 2, bottom * 2n];
  return new Tuple([integer(BigInt(top)), integer(bottom)]);
}

export const NUMBER_METHODS: Readonly<Record<"int" | "float", ReadonlyMap<string, Method<never>>>> = {
  int: INTEGER_METHODS as ReadonlyMap<string, Method<never>>,
  float: FLOAT_METHODS as ReadonlyMap<string, Method<never>>,
};

export const BYTES_METHODS: ReadonlyMap<string, Method<Bytes>> = methods<Bytes>({
  decode: [
    "encoding? errors?",
    (run, { data }, [encoding]) => {
      const name = textOf(encoding) ?? "utf-8";
      if (!/^(utf[-_]?8|ascii)$/i.test(name)) throw valueError(`unknown encoding: ${name}`);
      try {
        return run.text(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data));
      } catch {
        throw new PythonError("UnicodeError", `'${name}' codec can't decode the bytes`);
      }
    },
  ],
  hex: ["/", (run, { data }) => run.text(Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join(""))],
});

/** Python's `abs(value)`. */
export function absolute(value: Value): Value {
  if (value instanceof Float) return new Float(Math.abs(value.value));
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "number" || typeof value === "bigint") return value < 0 ? negate(value) : value;
  throw typeError(`bad operand type for abs(): '${typeName(value)}'`);
}
