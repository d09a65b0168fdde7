import { type Bound, integerArgument, Signature } from "./arguments.ts";
import { PythonError, typeError } from "./errors.ts";
import { dictOf, fromKeys } from "./methods.ts";
import { reprDict, str } from "./print.ts";
import type { Run } from "./run.ts";
import { Builtin, Callable, type Dict, type Keywords, PyObject, Range, type Value } from "./values.ts";

/** The result of `namespace(…)`: an object whose attributes `set` can change. */
export class Namespace extends PyObject {
  readonly typeName = "TemplateNamespace";
  readonly #attributes: Dict;

  constructor(attributes: Dict) {
    super();
    for (const [key] of attributes.entries()) checkName(key);
    this.#attributes = attributes;
  }

  override attribute(_run: Run, name: string): Value | undefined {
    return this.#attributes.get(name);
  }

  set(name: string, value: Value): void {
    checkName(name);
    this.#attributes.set(name, value);
  }

  override represent(run: Run): string {
    return `<Namespace ${run.call(() => reprDict(run, this.#attributes))}>`;
  }
}

function checkName(name: Value): void {
  if (typeof name === "string" && name.startsWith("_"))
    throw new PythonError(
      "SecurityError",
      `Chat templates cannot store underscore-prefixed attributes on a namespace, but got '${name}'. Please rename the attribute.`,
    );
}

/** The global `dict`: a function with a method. */
class DictFunction extends Callable {
  readonly typeName = "TemplateDict";

  override attribute(_run: Run, name: string): Value | undefined {
    if (name !== "fromkeys") return undefined;
    const signature = new Signature("fromkeys", "/ keys value?");
    return new Builtin("fromkeys", (run, args, keywords) => {
      const [keys, value] = signature.bind(args, keywords);
      return fromKeys(run, keys as Value, value);
    });
  }

  override call(run: Run, args: readonly Value[], keywords: Keywords): Value {
    return dictOf(run, args, keywords);
  }
}

/** The most items that the sandbox lets a range have. */
const MAX_RANGE = 100_000;

function range(args: readonly Value[], keywords: Keywords): Range {
  if (keywords.size > 0) throw typeError("range() takes no keyword arguments");
  if (args.length === 0 || args.length > 3) throw typeError(`range expected 1 to 3 arguments, got ${args.length}`);
  const [first, second, third] = args.map((value) => integerArgument(value, 0));
  const step = third ?? 1;
  if (step === 0) throw new PythonError("ValueError", "range() arg 3 must not be zero");
  const made = second === undefined ? new Range(0, first as number, 1) : new Range(first as number, second, step);
  if (made.length > MAX_RANGE)
    throw new PythonError(
      "OverflowError",
      `Range too big. The sandbox blocks ranges larger than MAX_RANGE (${MAX_RANGE}).`,
    );
  return made;
}

/** The result of `cycler(…)`. */
class Cycler extends PyObject {
  readonly typeName = "Cycler";
  readonly #items: readonly Value[];
  #at = 0;

  constructor(items: readonly Value[]) {
    super();
    this.#items = items;
  }

  override attribute(_run: Run, name: string): Value | undefined {
    if (name === "current") return this.#items[this.#at];
    if (name === "pos") return this.#at;
    if (name === "next") return new Builtin("next", () => this.#next());
    if (name !== "reset") return undefined;
    return new Builtin("reset", () => {
      this.#at = 0;
      return null;
    });
  }

  #next(): Value {
    const item = this.#items[this.#at] as Value;
    this.#at = (this.#at + 1) % this.#items.length;
    return item;
  }
}

/** The result of `joiner(…)`: nothing when it is called first, then its separator. */
class Joiner extends Callable {
  readonly typeName = "Joiner";
  readonly #separator: Value;
  #used = false;

  constructor(separator: Value) {
    super();
    this.#separator = separator;
  }

  override attribute(_run: Run, name: string): Value | undefined {
    if (name === "sep") return this.#separator;
    return name === "used" ? this.#used : undefined;
  }

  override call(): Value {
    if (this.#used) return this.#separator;
    this.#used = true;
    return "";
  }
}

const separatorOf = ([separator = ", "]: Bound): Value => separator;

const JOINER = new Signature("joiner", "sep?");

/** The functions that every template can call. */
export const GLOBALS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ["range", new Builtin("range", (_, args, keywords) => range(args, keywords))],
  ["dict", new DictFunction()],
  ["namespace", new Builtin("namespace", (run, args, keywords) => new Namespace(dictOf(run, args, keywords)))],
  [
    "cycler",
    new Builtin("cycler", (_, args, keywords) => {
      if (keywords.size > 0) throw typeError("cycler() takes no keyword arguments");
      if (args.length === 0) throw new PythonError("RuntimeError", "at least one item has to be provided");
      return new Cycler(args);
    }),
  ],
  ["joiner", new Builtin("joiner", (_, args, keywords) => new Joiner(separatorOf(JOINER.bind(args, keywords))))],
  [
    "lipsum",
    new Builtin("lipsum", () => {
      throw new PythonError("RuntimeError", "lipsum() writes a random text, which a template cannot be given here");
    }),
  ],
]);

/** A function for `context` that takes one text. */
export const textFunction = (name: string, parameter: string, body: (text: string) => string): Callable => {
  const signature = new Signature(name, parameter);
  return new Builtin(name, (run, args, keywords) => body(str(run, signature.bind(args, keywords)[0] as Value)));
};
