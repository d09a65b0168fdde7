import { ownEntry } from "../common/index.ts";
import { PythonError, typeError, valueError } from "./errors.ts";
import { writeFloat } from "./floats.ts";
import { writeInteger } from "./integers.ts";
import { textOf, typeName } from "./print.ts";
import type { Run } from "./run.ts";
import { compareTexts } from "./text.ts";
import { Dict, Float, Tuple, type Value } from "./values.ts";

/** The options of Python's `json.dumps`. */
export interface JsonOptions {
  readonly escapesUnicode: boolean;
  /** The indentation of a level; undefined where all is on one line. */
  readonly indent: string | undefined;
  readonly itemSeparator: string;
  readonly keySeparator: string;
  readonly sortsKeys: boolean;
}

/** Python's `json.dumps(value)`. */
export function writeJson(run: Run, value: Value, options: JsonOptions, level = 0): string {
  run.step();
  if (value === null) return "null";
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number" || typeof value === "bigint") return writeInteger(value);
  if (value instanceof Float) return jsonFloat(value.value);
  const text = textOf(value);
  if (text !== undefined) return jsonText(run, text, options);
  run.watcher?.printed(value as object);
  const items = value instanceof Tuple ? value.items : value;
  if (Array.isArray(items))
    return enclosed(
      run,
      "[]",
      items.map((item) => writeJson(run, item, options, level + 1)),
      { ...options, level },
    );
  if (value instanceof Dict) return enclosed(run, "{}", jsonPairs(run, value, options, level), { ...options, level });
  throw typeError(`Object of type ${typeName(value)} is not JSON serializable`);
}

function jsonFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return writeFloat(value);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\f": "\\f",
  "\b": "\\b",
};

function jsonText(run: Run, text: string, { escapesUnicode }: JsonOptions): string {
  const unit = (character: string): string =>
    ownEntry(ESCAPES, character) ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  const escaped = text.replace(escapesUnicode ? /["\\]|[^ -~]/g : /["\\]|(?![\x7f-\x9f])\p{Cc}/gu, unit);
  return run.text(`"${escaped}"`);
}

function jsonPairs(run: Run, dict: Dict, options: JsonOptions, level: number): string[] {
  const pairs = [...dict.entries()];
  if (options.sortsKeys) pairs.sort(([a], [b]) => comparedKeys(a, b));
  return pairs.map(([key, value]) => {
    const written = jsonText(run, keyText(key), options);
    return written + options.keySeparator + writeJson(run, value, options, level + 1);
  });
}

function comparedKeys(a: Value, b: Value): number {
  const [s, t] = [textOf(a), textOf(b)];
  if (s !== undefined && t !== undefined) return compareTexts(s, t);
  const [x, y] = [a, b].map((key) => (key instanceof Float ? key.value : key));
  const areNumbers = [x, y].every((key) => ["number", "bigint", "boolean"].includes(typeof key));
  if (!areNumbers) throw typeError(`'<' not supported between instances of '${typeName(b)}' and '${typeName(a)}'`);
  return Number(x) - Number(y);
}

function keyText(key: Value): string {
  const text = textOf(key);
  if (text !== undefined) return text;
  if (key === null) return "null";
  if (typeof key === "boolean") return String(key);
  if (typeof key === "number" || typeof key === "bigint") return writeInteger(key);
  if (key instanceof Float) return jsonFloat(key.value);
  throw typeError(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
}

function enclosed(
  run: Run,
  [open, close]: string,
  items: readonly string[],
  { indent, itemSeparator, level }: JsonOptions & { readonly level: number },
): string {
  if (items.length === 0) return `${open}${close}`;
  if (indent === undefined) return run.text(`${open}${items.join(itemSeparator)}${close}`);
  run.allocate(indent.length * (level + 1) * (items.length + 1));
  const line = `\n${indent.repeat(level + 1)}`;
  return run.text(`${open}${line}${items.join(itemSeparator + line)}\n${indent.repeat(level)}${close}`);
}

/** The options of the `tojson` filter, with Python's defaults. */
export function jsonOptions(given: {
  readonly ensureAscii: boolean;
  readonly indent: string | number | undefined;
  readonly separators: readonly (string | undefined)[] | undefined;
  readonly sortKeys: boolean;
}): JsonOptions {
  const { ensureAscii, indent, separators, sortKeys } = given;
  if (typeof indent === "number" && indent > 1000) throw valueError("indent is too large");
  const [item, key] = separators ?? [indent === undefined ? ", " : ",", ": "];
  if (item === undefined || key === undefined) throw new PythonError("TypeError", "separators must be two texts");
  return {
    escapesUnicode: ensureAscii,
    indent: typeof indent === "number" ? " ".repeat(Math.max(0, indent)) : indent,
    itemSeparator: item,
    keySeparator: key,
    sortsKeys: sortKeys,
  };
}
