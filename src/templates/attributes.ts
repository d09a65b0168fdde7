import { PythonError, typeError, valueError } from "./errors.ts";
import { asInteger } from "./integers.ts";
import type { Method } from "./method.ts";
import {
  BYTES_METHODS,
  DICT_METHODS,
  LIST_METHODS,
  NUMBER_METHODS,
  numberAttribute,
  RANGE_METHODS,
} from "./methods.ts";
import { describe, repr, textOf, typeName } from "./print.ts";
import type { Run } from "./run.ts";
import { formatText } from "./str-format.ts";
import { markupMethod, STRING_METHODS } from "./string-methods.ts";
import { hasPairs, textBetween, textLength } from "./text.ts";
import {
  Builtin,
  Bytes,
  Dict,
  DictView,
  Float,
  type Keywords,
  Markup,
  orUndefined,
  Range,
  Tuple,
  Undefined,
  type Value,
} from "./values.ts";

/** Methods that would change their object, which the sandbox forbids. */
const MUTATING = {
  list: new Set(["append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"]),
  dict: new Set(["clear", "pop", "popitem", "setdefault", "update"]),
};

/** The value of `value.name`: an attribute, else an item. */
export function getAttribute(run: Run, value: Value, name: string): Value {
  const attribute = ownAttribute(run, value, name);
  if (attribute !== undefined) return attribute;
  if (value instanceof Undefined) throw value.fail();
  if (value instanceof Dict) {
    const item = value.get(name);
    if (item !== undefined) return item;
  }
  return new Undefined({ hint: `'${describe(value)}' has no attribute '${name}'` });
}

/** The value of `value[key]`: an item, else an attribute. */
export function getItem(run: Run, value: Value, key: Value): Value {
  const item = itemOf(run, value, key);
  if (item !== undefined) return item;
  const name = textOf(key);
  if (name === undefined) return new Undefined({ hint: `${describe(value)} has no element ${repr(run, key)}` });
  return orUndefined(ownAttribute(run, value, name), { hint: `'${describe(value)}' has no attribute '${name}'` });
}

/** Python's `getattr(value, name)` as the sandbox allows it; undefined where there is none. */
export function ownAttribute(run: Run, value: Value, name: string): Value | undefined {
  if (value instanceof Undefined) {
    if (/^__.*__$/s.test(name)) return undefined;
    throw value.fail();
  }
  if (name.startsWith("__") && name.endsWith("__")) return unsafe(value, name);
  if (Array.isArray(value)) {
    if (MUTATING.list.has(name)) return unsafe(value, name);
    return method(LIST_METHODS, name, value);
  }
  if (value instanceof Dict) {
    if (MUTATING.dict.has(name)) return unsafe(value, name);
    return method(DICT_METHODS, name, value);
  }
  const text = textOf(value);
  if (text !== undefined) return textAttribute(value as string | Markup, name);
  if (value instanceof Tuple && (name === "count" || name === "index")) return method(LIST_METHODS, name, value);
  if (value instanceof Float || asInteger(value) !== undefined)
    return (
      numberAttribute(value, name) ?? method(NUMBER_METHODS[value instanceof Float ? "float" : "int"], name, value)
    );
  if (value instanceof Bytes) return method(BYTES_METHODS, name, value);
  if (value instanceof DictView) return undefined;
  if (value === null || typeof value !== "object") return undefined;
  const attribute = value.attribute(run, name);
  return attribute === undefined && value instanceof Range ? method(RANGE_METHODS, name, value) : attribute;
}

function textAttribute(value: string | Markup, name: string): Value | undefined {
  if (name === "format" || name === "format_map") return new Builtin(name, formatMethod(value, name), true);
  const found = STRING_METHODS.get(name);
  if (value instanceof Markup) return markupMethod(value, name, found);
  return found && bound(name, found, value);
}

function formatMethod(text: string | Markup, name: string) {
  return (run: Run, args: readonly Value[], keywords: Keywords): Value => {
    if (name === "format") return formatText(run, text, { ...ACCESS, args, named: keywords });
    if (keywords.size > 0) throw typeError("format_map() takes no keyword arguments");
    if (args.length !== 1) throw typeError(`format_map() takes exactly one argument (${args.length} given)`);
    const [mapping] = args;
    if (!(mapping instanceof Dict)) throw typeError(`format_map() needs a mapping, not ${typeName(mapping as Value)}`);
    return formatText(run, text, { ...ACCESS, args: [], named: mapping });
  };
}

const ACCESS = { attribute: getAttribute, item: getItem };

function method<T extends Value>(
  methods: ReadonlyMap<string, Method<T>>,
  name: string,
  value: Value,
): Value | undefined {
  const found = methods.get(name);
  return found && bound(name, found as Method<never>, value);
}

function bound(name: string, { signature, body }: Method<never>, value: Value): Builtin {
  return new Builtin(name, (run, args, keywords) => body(run, value as never, signature.bind(args, keywords)), true);
}

const unsafe = (value: Value, name: string): Undefined =>
  new Undefined({
    hint: `access to attribute '${name}' of '${typeName(value)}' object is unsafe.`,
    type: "SecurityError",
  });

/** Python's `value[key]`; undefined where it has none. */
export function itemOf(run: Run, value: Value, key: Value): Value | undefined {
  if (value instanceof Dict) {
    if (typeof key === "string") return value.get(key);
    return isHashable(value, key) ? value.get(key) : undefined;
  }
  if (value instanceof Undefined) throw value.fail();
  const index = asInteger(key);
  if (index === undefined || typeof index === "bigint") return undefined;
  if (Array.isArray(value)) return value.at(index) === undefined ? undefined : listItem(run, value, index);
  if (value instanceof Tuple) return inBounds(index, value.items.length) ? value.items.at(index) : undefined;
  if (value instanceof Range)
    return inBounds(index, value.length) ? value.at(index < 0 ? index + value.length : index) : undefined;
  if (value instanceof Bytes) return inBounds(index, value.data.length) ? value.data.at(index) : undefined;
  const text = textOf(value);
  if (text === undefined) return undefined;
  const found = character(run, text, index);
  return found !== undefined && value instanceof Markup ? new Markup(found) : found;
}

function listItem(run: Run, list: Value[], index: number): Value | undefined {
  run.watcher?.iterated(list);
  return list.at(index);
}

const inBounds = (index: number, length: number): boolean => index >= -length && index < length;

function isHashable(dict: Dict, key: Value): boolean {
  try {
    dict.has(key);
    return true;
  } catch (cause) {
    if (cause instanceof PythonError) return false;
    throw cause;
  }
}

function character(run: Run, text: string, index: number): string | undefined {
  run.step(text.length >> 12);
  if (!hasPairs(text)) return inBounds(index, text.length) ? text.at(index) : undefined;
  const at = index < 0 ? index + textLength(text) : index;
  return at < 0 ? undefined : textBetween(text, at, at + 1) || undefined;
}

/** The three parts of `[start:stop:step]`, each None where it is left out. */
export interface SliceParts {
  readonly start: Value;
  readonly stop: Value;
  readonly step: Value;
}

/** Python's `value[start:stop:step]`. */
export function slice(run: Run, value: Value, parts: SliceParts): Value {
  if (value instanceof Undefined) throw value.fail();
  if (Array.isArray(value)) {
    run.watcher?.iterated(value);
    return sliceItems(run, value, parts);
  }
  if (value instanceof Tuple) return new Tuple(sliceItems(run, value.items, parts));
  if (value instanceof Bytes) return new Bytes(Uint8Array.from(sliceItems(run, [...value.data], parts) as number[]));
  if (value instanceof Range) return sliceRange(value, parts);
  const text = textOf(value);
  if (text !== undefined) {
    const found = sliceText(run, text, parts);
    return value instanceof Markup ? new Markup(found) : found;
  }
  if (value instanceof Dict) throw typeError("unhashable type: 'slice'");
  throw typeError(`'${typeName(value)}' object is not subscriptable`);
}

interface Bounds {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
  readonly count: number;
}

function boundsOf({ start, stop, step }: SliceParts, length: number): Bounds {
  const by = part(step) ?? 1;
  if (by === 0) throw valueError("slice step cannot be zero");
  const [low, high] = by > 0 ? [0, length] : [-1, length - 1];
  const at = (given: number | undefined, usual: number): number =>
    given === undefined ? usual : Math.max(low, Math.min(high, given < 0 ? given + length : given));
  const [from, to] = [at(part(start), by > 0 ? low : high), at(part(stop), by > 0 ? high : low)];
  return { start: from, stop: to, step: by, count: Math.max(0, Math.ceil((to - from) / by)) };
}

function part(value: Value): number | undefined {
  if (value === null) return undefined;
  const whole = asInteger(value);
  if (whole === undefined) throw typeError("slice indices must be integers or None or have an __index__ method");
  return Math.max(-(2 ** 53), Math.min(2 ** 53, Number(whole)));
}

function sliceItems(run: Run, items: readonly Value[], parts: SliceParts): Value[] {
  const { start, stop, step, count } = boundsOf(parts, items.length);
  run.items(count);
  return step === 1
    ? items.slice(start, Math.max(start, stop))
    : Array.from({ length: count }, (_, i) => items[start + i * step] as Value);
}

function sliceText(run: Run, text: string, parts: SliceParts): string {
  const { start, stop, step, count } = boundsOf(parts, textLength(text));
  if (step === 1) return run.text(textBetween(text, start, stop));
  run.items(count);
  const characters = hasPairs(text) ? [...text] : text;
  return Array.from({ length: count }, (_, i) => characters[start + i * step]).join("");
}

function sliceRange(range: Range, parts: SliceParts): Range {
  const { start, stop, step } = boundsOf(parts, range.length);
  return new Range(range.at(start), range.at(stop), range.step * step);
}
