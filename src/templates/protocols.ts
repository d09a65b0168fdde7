import { ownEntry } from "../common/index.ts";
import { typeError } from "./errors.ts";
import { asFloat, asInteger } from "./integers.ts";
import { str, textOf, typeName } from "./print.ts";
import type { Run } from "./run.ts";
import { compareTexts, indexOf, textLength } from "./text.ts";
import { Bytes, Dict, DictView, Float, hash, Markup, Range, Tuple, Undefined, type Value } from "./values.ts";

/** An object with a length of its own, such as `loop`. */
interface Sized {
  size(run: Run): number;
}

const isSized = (value: Value): value is Value & Sized =>
  typeof value === "object" && value !== null && "size" in value && typeof value.size === "function";

/** Python's `len(value)`; undefined where it has none. */
export function lengthOf(run: Run, value: Value): number | undefined {
  const text = textOf(value);
  if (text !== undefined) return textLength(text);
  if (Array.isArray(value)) return value.length;
  if (value instanceof Tuple) return value.items.length;
  if (value instanceof Dict) return value.size;
  if (value instanceof DictView) return value.dict.size;
  if (value instanceof Range) return value.length;
  if (value instanceof Bytes) return value.data.length;
  if (value instanceof Undefined) {
    value.use(run);
    return 0;
  }
  return isSized(value) ? value.size(run) : undefined;
}

export function len(run: Run, value: Value): number {
  const length = lengthOf(run, value);
  if (length === undefined) throw typeError(`object of type '${typeName(value)}' has no len()`);
  return length;
}

/** Python's `bool(value)`. */
export function truth(run: Run, value: Value): boolean {
  if (typeof value === "boolean") return value;
  if (value instanceof Float) return value.value !== 0;
  if (typeof value !== "object" || value === null) return Boolean(value);
  if (Array.isArray(value)) return value.length > 0;
  return lengthOf(run, value) !== 0;
}

/** Python's `iter(value)`; undefined where it has none. */
export function iteratorOf(run: Run, value: Value): Iterator<Value> | undefined {
  if (Array.isArray(value)) {
    run.watcher?.iterated(value);
    return value.values();
  }
  const text = textOf(value);
  if (text !== undefined) return text[Symbol.iterator]();
  if (value instanceof Tuple) return value.items.values();
  if (value instanceof Bytes) return value.data.values();
  return typeof value === "object" && value !== null ? value.iterate(run) : undefined;
}

export function iterate(run: Run, value: Value): Iterator<Value> {
  const iterator = iteratorOf(run, value);
  if (!iterator) throw typeError(`'${typeName(value)}' object is not iterable`);
  return iterator;
}

/** The items of a value as a new list. */
export function toList(run: Run, value: Value): Value[] {
  const iterator = iterate(run, value);
  const known = lengthOf(run, value);
  if (known !== undefined) run.items(known);
  const list: Value[] = [];
  for (let next = iterator.next(); !next.done; next = iterator.next()) {
    if (known === undefined) run.items(1);
    list.push(next.value);
  }
  return list;
}

/** Python's `a == b`. */
export function equal(run: Run, a: Value, b: Value): boolean {
  if (a === b) return !(a instanceof Float && Number.isNaN(a.value));
  if (typeof a === "string" && typeof b === "string") return false;
  run.step();
  if (a instanceof Undefined || b instanceof Undefined) return sameUndefined(run, a, b);
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined || y !== undefined) return x !== undefined && y !== undefined && sameNumber(x, y);
  const [s, t] = [textOf(a), textOf(b)];
  if (s !== undefined || t !== undefined) return s === t;
  if (Array.isArray(a)) return Array.isArray(b) && arrayEqual(run, a, b);
  if (a instanceof Tuple) return b instanceof Tuple && arrayEqual(run, a.items, b.items);
  if (a instanceof Dict) return b instanceof Dict && sameDicts(run, a, b);
  if (a instanceof Range) return b instanceof Range && hash(a) === hash(b);
  if (a instanceof Bytes) return b instanceof Bytes && hash(a) === hash(b);
  if (a instanceof DictView && b instanceof DictView) return sameViews(run, a, b);
  return false;
}

/** Undefined values are equal, where they may be compared. */
function sameUndefined(run: Run, a: Value, b: Value): boolean {
  for (const value of [a, b]) if (value instanceof Undefined) value.use(run);
  return a instanceof Undefined && b instanceof Undefined;
}

const sameNumber = (a: number | bigint, b: number | bigint): boolean =>
  typeof a === typeof b ? a === b : compareNumbers(a, b) === 0;

/** Any number as one of JavaScript; undefined for others. */
function numberOf(value: Value): number | bigint | undefined {
  return value instanceof Float ? value.value : asInteger(value);
}

function compareNumbers(a: number | bigint, b: number | bigint): number {
  if (a < b) return -1;
  return a > b ? 1 : 0;
}

function arrayEqual(run: Run, a: readonly Value[], b: readonly Value[]): boolean {
  return a.length === b.length && a.every((item, i) => equal(run, item, b[i] as Value));
}

function sameDicts(run: Run, a: Dict, b: Dict): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a.entries()) {
    const other = b.get(key);
    if (other === undefined || !equal(run, value, other)) return false;
  }
  return true;
}

function sameViews(run: Run, a: DictView, b: DictView): boolean {
  if (a.typeName === "dict_values" || a.dict.size !== b.dict.size) return false;
  if (a.typeName === "dict_items") return b.typeName === "dict_items" && sameDicts(run, a.dict, b.dict);
  return b.typeName === "dict_keys" && toList(run, a).every((key) => b.dict.has(key));
}

/** An order of Python: below, at or above 0, or NaN where neither is. */
export function compare(run: Run, a: Value, b: Value, operator: string): number {
  run.step();
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined) return Number.isNaN(x) || Number.isNaN(y) ? Number.NaN : compareNumbers(x, y);
  const [s, t] = [textOf(a), textOf(b)];
  if (s !== undefined && t !== undefined) return compareTexts(s, t);
  if (Array.isArray(a) && Array.isArray(b)) return compareItems(run, a, b, operator);
  if (a instanceof Tuple && b instanceof Tuple) return compareItems(run, a.items, b.items, operator);
  if (a instanceof Bytes && b instanceof Bytes) return compareItems(run, [...a.data], [...b.data], operator);
  if (a instanceof Undefined) throw a.fail();
  if (b instanceof Undefined) throw b.fail();
  throw typeError(`'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`);
}

function compareItems(run: Run, a: readonly Value[], b: readonly Value[], operator: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++)
    if (!equal(run, a[i] as Value, b[i] as Value)) return compare(run, a[i] as Value, b[i] as Value, operator);
  return a.length - b.length;
}

/** Python's `item in container`. */
export function contains(run: Run, container: Value, item: Value): boolean {
  const text = textOf(container);
  if (text !== undefined) {
    const part = textOf(item);
    if (part === undefined) throw typeError(`'in <string>' requires string as left operand, not ${typeName(item)}`);
    return indexOf(run, text, part) >= 0;
  }
  if (container instanceof Dict) return container.has(item);
  if (container instanceof DictView && container.typeName === "dict_keys") return container.dict.has(item);
  if (container instanceof Range && asFloat(item) !== undefined) return inRange(container, asFloat(item) as number);
  if (Array.isArray(container)) return container.some((other) => equal(run, other, item));
  const iterator = iteratorOf(run, container);
  if (!iterator) throw typeError(`argument of type '${typeName(container)}' is not iterable`);
  for (let next = iterator.next(); !next.done; next = iterator.next()) {
    run.step();
    if (equal(run, next.value, item)) return true;
  }
  return false;
}

function inRange({ start, step, length }: Range, item: number): boolean {
  const index = (item - start) / step;
  return Number.isInteger(index) && index >= 0 && index < length;
}

/** A text as one that is HTML: as it is if it is that already, else escaped. */
export function escapeHtml(run: Run, value: Value): Markup {
  if (value instanceof Markup) return value;
  const text = str(run, value).replace(/[&<>'"]/g, (character) => ownEntry(HTML, character) as string);
  return new Markup(run.text(text));
}

const HTML: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&#39;", '"': "&#34;" };

/** Sorts like Python's `sorted(items, key=…, reverse=…)`. */
export function sorted(run: Run, items: readonly Value[], key: (item: Value) => Value, reverse = false): Value[] {
  run.items(items.length);
  const keyed = items.map((item) => [key(item), item] as const);
  const order = (a: readonly [Value, Value], b: readonly [Value, Value]): number => compare(run, a[0], b[0], "<") || 0;
  return (reverse ? keyed.toSorted((a, b) => order(b, a)) : keyed.toSorted(order)).map(([, item]) => item);
}
