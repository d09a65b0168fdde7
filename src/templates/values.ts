import { PythonError, TemplateError, typeError } from "./errors.ts";
import type { Run } from "./run.ts";

/** A value of Python. Integers are numbers where they are safe ones, else bigints; lists are arrays. */
export type Value = null | boolean | number | bigint | string | Value[] | PyObject;

export type Keywords = ReadonlyMap<string, Value>;

/** Whatever is not one of the values that JavaScript has too. */
export abstract class PyObject {
  /** The name of its class in Python. */
  abstract readonly typeName: string;

  /** Its attribute of this name; undefined where it has none. */
  attribute(_run: Run, _name: string): Value | undefined {
    return undefined;
  }

  /** Its items; undefined where it has none. */
  iterate(_run: Run): Iterator<Value> | undefined {
    return undefined;
  }

  /** `repr(value)`. */
  represent(_run: Run): string {
    return `<${this.typeName} object>`;
  }
}

/** A value that can be called. */
export abstract class Callable extends PyObject {
  abstract call(run: Run, args: readonly Value[], keywords: Keywords): Value;
}

export class Float extends PyObject {
  readonly typeName = "float";
  readonly value: number;

  constructor(value: number) {
    super();
    this.value = value;
  }
}

/** A text that is HTML already. */
export class Markup extends PyObject {
  readonly typeName = "Markup";
  readonly text: string;

  constructor(text: string) {
    super();
    this.text = text;
  }
}

export class Bytes extends PyObject {
  readonly typeName = "bytes";
  readonly data: Uint8Array;

  constructor(data: Uint8Array) {
    super();
    this.data = data;
  }
}

export class Tuple extends PyObject {
  readonly typeName: string = "tuple";
  readonly items: readonly Value[];

  constructor(items: readonly Value[]) {
    super();
    this.items = items;
  }
}

/** An item of the `groupby` filter. */
export class Group extends Tuple {
  override readonly typeName = "_GroupTuple";

  override attribute(_run: Run, name: string): Value | undefined {
    if (name === "grouper") return this.items[0];
    return name === "list" ? this.items[1] : undefined;
  }
}

export class Range extends PyObject {
  readonly typeName = "range";
  readonly start: number;
  readonly stop: number;
  readonly step: number;
  readonly length: number;

  constructor(start: number, stop: number, step: number) {
    super();
    [this.start, this.stop, this.step] = [start, stop, step];
    this.length = Math.max(0, Math.ceil((stop - start) / step));
  }

  at(index: number): number {
    return this.start + index * this.step;
  }

  override attribute(_run: Run, name: string): Value | undefined {
    return name === "start" || name === "stop" || name === "step" ? this[name] : undefined;
  }

  override *iterate(): Iterator<Value> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }
}

/** A generator or another iterator, of which each item is read once. */
export class Iter extends PyObject {
  readonly typeName: string;
  readonly #iterator: Iterator<Value>;

  constructor(iterator: Iterator<Value>, typeName = "generator") {
    super();
    this.#iterator = iterator;
    this.typeName = typeName;
  }

  override iterate(): Iterator<Value> {
    return this.#iterator;
  }
}

/** The origin of an undefined value, for the error of its use. */
interface UndefinedOrigin {
  readonly hint?: string;
  readonly name?: string;
  readonly type?: "UndefinedError" | "SecurityError";
}

export class Undefined extends PyObject {
  readonly typeName = "Undefined";
  readonly #origin: UndefinedOrigin;

  constructor(origin: UndefinedOrigin) {
    super();
    this.#origin = origin;
  }

  fail(): PythonError {
    const { hint, name, type = "UndefinedError" } = this.#origin;
    return new PythonError(type, hint ?? `'${name}' is undefined`);
  }

  /** Fails where undefined values may only be tested for. */
  use(run: Run): void {
    if (run.isStrict) throw this.fail();
  }

  override iterate(run: Run): Iterator<Value> {
    this.use(run);
    return ([] as Value[]).values();
  }

  override represent(): string {
    return "Undefined";
  }
}

/** A value, or what stands for one that there is not. A None is a value, so `??` cannot ask. */
export const orUndefined = (value: Value | undefined, origin: UndefinedOrigin): Value =>
  value === undefined ? new Undefined(origin) : value;

/** A function, or a method that is bound to its object. */
export class Builtin extends Callable {
  readonly typeName: string;
  readonly name: string;
  readonly #body: (run: Run, args: readonly Value[], keywords: Keywords) => Value;

  constructor(name: string, body: (run: Run, args: readonly Value[], keywords: Keywords) => Value, isMethod = false) {
    super();
    this.name = name;
    this.#body = body;
    this.typeName = isMethod ? "builtin_function_or_method" : "function";
  }

  override call(run: Run, args: readonly Value[], keywords: Keywords): Value {
    return this.#body(run, args, keywords);
  }

  override represent(): string {
    return this.typeName === "function" ? `<function ${this.name}>` : `<built-in method ${this.name}>`;
  }
}

/** A dictionary; keys that are equal in Python (1, 1.0 and True) are one. */
export class Dict extends PyObject {
  readonly typeName = "dict";
  readonly #entries = new Map<unknown, [key: Value, value: Value]>();

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(typeof key === "string" ? textKey(key) : hash(key))?.[1];
  }

  has(key: Value): boolean {
    return this.#entries.has(hash(key));
  }

  set(key: Value, value: Value): this {
    const hashed = hash(key);
    const entry = this.#entries.get(hashed);
    if (entry) entry[1] = value;
    else this.#entries.set(hashed, [key, value]);
    return this;
  }

  /** Its keys with their values, in the order in which they were set first. */
  entries(): IterableIterator<[key: Value, value: Value]> {
    return this.#entries.values();
  }

  override *iterate(): Iterator<Value> {
    for (const [key] of this.#entries.values()) yield key;
  }
}

/** The results of `keys()`, `values()` and `items()` of a dictionary. */
export class DictView extends PyObject {
  readonly typeName: "dict_keys" | "dict_values" | "dict_items";
  readonly dict: Dict;

  constructor(dict: Dict, kind: "keys" | "values" | "items") {
    super();
    this.dict = dict;
    this.typeName = `dict_${kind}`;
  }

  override *iterate(): Iterator<Value> {
    for (const [key, value] of this.dict.entries())
      yield this.typeName === "dict_keys" ? key : this.typeName === "dict_values" ? value : new Tuple([key, value]);
  }
}

/** Keys of JavaScript's maps that are the same where Python's are equal. */
export function hash(key: Value): unknown {
  if (typeof key === "string") return textKey(key);
  if (typeof key === "boolean") return key ? 1 : 0;
  if (key instanceof Float) return floatKey(key.value);
  if (key instanceof Markup) return textKey(key.text);
  if (key instanceof Tuple) return tupleKey(key);
  if (key instanceof Range) return `\0r${[key.length, key.start, key.step].slice(0, Math.min(key.length, 2) + 1)}`;
  if (key instanceof Bytes) return `\0b${[...key.data]}`;
  if (key instanceof Undefined) return Undefined;
  if (Array.isArray(key)) throw typeError("unhashable type: 'list'");
  if (key instanceof Dict || (key instanceof DictView && key.typeName !== "dict_values"))
    throw typeError(`unhashable type: '${key.typeName}'`);
  return key;
}

/** Longer keys are refused. */
const LONGEST_KEY = 1 << 16;

function tupleKey({ items }: Tuple): string {
  const parts: string[] = [];
  let length = 0;
  for (const item of items) {
    const part = hashText(item);
    length += part.length;
    if (length > LONGEST_KEY) throw new TemplateError("limit", "a tuple is too large to be a key");
    parts.push(part);
  }
  return `\0t${parts.join()}`;
}

/** A text as a key; those that look like a tuple's are kept apart. */
const textKey = (text: string): string => (text.charCodeAt(0) === 0 ? `\0s${text}` : text);

const floatKey = (value: number): number | bigint =>
  Number.isInteger(value) && !Number.isSafeInteger(value) ? BigInt(value) : value;

const identities = new WeakMap<object, number>();
let lastIdentity = 0;

function hashText(item: Value): string {
  const key = hash(item);
  if (typeof key !== "object" && typeof key !== "function") return `${typeof key}:${JSON.stringify(String(key))}`;
  if (key === null) return "null";
  if (!identities.has(key)) identities.set(key, ++lastIdentity);
  return `object:${identities.get(key)}`;
}
