import { ownEntry } from "../common/index.ts";
import { isPrintable } from "./characters.ts";
import { writeFloat } from "./floats.ts";
import { writeInteger } from "./integers.ts";
import type { Run } from "./run.ts";
import { Bytes, Dict, DictView, Float, Markup, Range, Tuple, Undefined, type Value } from "./values.ts";

/** The text of a value that is one; undefined for others. */
export function textOf(value: Value | undefined): string | undefined {
  if (typeof value === "string") return value;
  return value instanceof Markup ? value.text : undefined;
}

/** Python's `str(value)`. */
export function str(run: Run, value: Value): string {
  if (typeof value === "string") return value;
  if (value instanceof Markup) return value.text;
  if (!(value instanceof Undefined)) return repr(run, value);
  value.use(run);
  return "";
}

/** Python's `repr(value)`. */
export function repr(run: Run, value: Value): string {
  run.step();
  if (typeof value === "string") return quoted(run, value);
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number" || typeof value === "bigint") return writeInteger(value);
  run.watcher?.printed(value);
  if (Array.isArray(value)) return `[${joined(run, value)}]`;
  if (value instanceof Float) return writeFloat(value.value);
  if (value instanceof Markup) return `Markup(${quoted(run, value.text)})`;
  if (value instanceof Tuple) return `(${joined(run, value.items)}${value.items.length === 1 ? "," : ""})`;
  if (value instanceof Dict) return reprDict(run, value);
  if (value instanceof DictView) return `${value.typeName}([${joined(run, viewItems(value))}])`;
  if (value instanceof Range) return `range(${value.start}, ${value.stop}${value.step === 1 ? "" : `, ${value.step}`})`;
  if (value instanceof Bytes) return reprBytes(value);
  return value.represent(run);
}

const joined = (run: Run, items: readonly Value[]): string => run.text(items.map((item) => repr(run, item)).join(", "));

const viewItems = (view: DictView): Value[] => Array.from({ [Symbol.iterator]: () => view.iterate() });

export function reprDict(run: Run, dict: Dict): string {
  const pairs = [...dict.entries()].map(([key, value]) => `${repr(run, key)}: ${repr(run, value)}`);
  return run.text(`{${pairs.join(", ")}}`);
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** A text in quotes: single ones unless only double ones need no escape. */
function quoted(run: Run, text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const plain = /^[ !#-&(-[\]-~]*$/.test(text);
  run.allocate(text.length);
  if (plain) return quote + text + quote;
  let result = quote;
  for (const character of text)
    result +=
      character === quote
        ? `\\${quote}`
        : (ownEntry(ESCAPES, character) ?? (isPrintable(character) ? character : escaped(character)));
  return run.text(result + quote);
}

/** A character by its number. */
export function escaped(character: string): string {
  const code = character.codePointAt(0) as number;
  const digits = code.toString(16);
  if (code < 0x100) return `\\x${digits.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${digits.padStart(4, "0")}` : `\\U${digits.padStart(8, "0")}`;
}

/** Python's `ascii(value)`. */
export function ascii(run: Run, value: Value): string {
  return repr(run, value).replace(/\P{ASCII}/gu, escaped);
}

function reprBytes({ data }: Bytes): string {
  const hasSingle = data.includes(39);
  const quote = hasSingle && !data.includes(34) ? '"' : "'";
  const parts = Array.from(data, (byte) => {
    const character = String.fromCharCode(byte);
    if (character === quote) return `\\${quote}`;
    return (
      ownEntry(ESCAPES, character) ??
      (byte >= 32 && byte < 127 ? character : `\\x${byte.toString(16).padStart(2, "0")}`)
    );
  });
  return `b${quote}${parts.join("")}${quote}`;
}

/** The name of a value's class, as Python's messages have it. */
export function typeName(value: Value): string {
  if (value === null) return "NoneType";
  if (typeof value === "string") return "str";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number" || typeof value === "bigint") return "int";
  return Array.isArray(value) ? "list" : value.typeName;
}

/** A value's class as Jinja's messages about undefined values have it. */
export const describe = (value: Value): string => (value === null ? "None" : `${typeName(value)} object`);
