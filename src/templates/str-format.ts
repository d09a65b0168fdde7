import { PythonError, valueError } from "./errors.ts";
import { formatValue } from "./format-spec.ts";
import { readInteger } from "./integers.ts";
import { ascii, repr, str } from "./print.ts";
import { escapeHtml } from "./protocols.ts";
import type { Run } from "./run.ts";
import { type Dict, type Keywords, Markup, type Value } from "./values.ts";

/** The access of a field to an attribute or an item of its value, which the sandbox decides. */
export interface Access {
  attribute(run: Run, value: Value, name: string): Value;
  item(run: Run, value: Value, key: Value): Value;
}

/** The source of the values of replacement fields. */
interface Fields extends Access {
  readonly args: readonly Value[];
  readonly named: Keywords | Dict;
  /** The next automatic number, or `manual` where the fields are numbered. */
  numbering: number | "manual";
  /** True if values are escaped for HTML. */
  readonly escapes: boolean;
}

/** Python's `text.format(…)` and `text.format_map(mapping)`, in Jinja's sandbox. */
export function formatText(
  run: Run,
  text: string | Markup,
  given: Access & { readonly args: readonly Value[]; readonly named: Keywords | Dict },
): Value {
  const escapes = text instanceof Markup;
  const fields: Fields = { ...given, numbering: 0, escapes };
  const result = run.text(replaced(run, escapes ? text.text : text, fields, 2));
  return escapes ? new Markup(result) : result;
}

function replaced(run: Run, text: string, fields: Fields, depth: number): string {
  if (depth < 0) throw valueError("Max string recursion exceeded");
  let [result, from] = ["", 0];
  for (let at = text.search(/[{}]/); at >= 0; ) {
    run.step();
    result += text.slice(from, at);
    const mark = text[at] as string;
    if (text[at + 1] === mark) {
      result += mark;
      from = at + 2;
    } else {
      if (mark === "}") throw valueError("Single '}' encountered in format string");
      const end = fieldEnd(text, at + 1);
      result += replacement(run, text.slice(at + 1, end), fields, depth);
      from = end + 1;
    }
    run.allocate(result.length >> 6);
    const next = text.slice(from).search(/[{}]/);
    at = next < 0 ? -1 : from + next;
  }
  return result + text.slice(from);
}

/** The brace that closes a field; those in `[…]` of its name and of nested fields are its own. */
function fieldEnd(text: string, from: number): number {
  let depth = 1;
  let at = from;
  let inName = true;
  for (; at < text.length; at++) {
    const mark = text[at];
    if (mark === "{") {
      if (inName) throw valueError("unexpected '{' in field name");
      depth++;
    }
    if (mark === "}" && --depth === 0) return at;
    else if (mark === "[" && inName) {
      const close = text.indexOf("]", at);
      if (close < 0) break;
      at = close;
    } else if (mark === ":" || mark === "!") inName = false;
  }
  if (from === text.length) throw valueError("Single '{' encountered in format string");
  throw valueError("expected '}' before end of string");
}

const FIELD = /^((?:\[[^\]]*\]?|[^:![])*)(?:!(.?))?(?::(.*))?$/su;

function replacement(run: Run, field: string, fields: Fields, depth: number): string {
  const match = FIELD.exec(field);
  if (!match || match[2] === "") throw valueError("expected ':' after conversion specifier");
  const [, name = "", conversion, specification = ""] = match;
  const found = fieldValue(run, numbered(name, fields), fields);
  const value = conversion === undefined ? found : convert(run, found, conversion);
  const spec = specification === "" ? "" : replaced(run, specification, fields, depth - 1);
  if (!fields.escapes) return formatValue(run, value, spec);
  if (value instanceof Markup) {
    if (spec !== "") throw valueError("Unsupported format specification for Markup.");
    return value.text;
  }
  return escapeHtml(run, formatValue(run, value, spec)).text;
}

function convert(run: Run, value: Value, conversion: string): Value {
  if (conversion === "s") return str(run, value);
  if (conversion === "r") return repr(run, value);
  if (conversion === "a") return ascii(run, value);
  throw valueError(`Unknown conversion specifier ${conversion}`);
}

const PART = /\.([^.[]*)|\[([^\]]*)\]/suy;

function fieldValue(run: Run, name: string, fields: Fields): Value {
  const first = /^[^.[]*/.exec(name)?.[0] ?? "";
  let value = firstValue(run, first, fields);
  let at = first.length;
  while (at < name.length) {
    PART.lastIndex = at;
    const match = PART.exec(name);
    if (!match)
      throw valueError(
        name[at] === "[" ? "Missing ']' in format string" : "Only '.' or '[' may follow ']' in format field specifier",
      );
    const [, attribute, item] = match;
    if ((attribute ?? item) === "") throw valueError("Empty attribute in format string");
    value =
      attribute === undefined
        ? fields.item(
            run,
            value,
            /^\d+$/.test(item as string) ? (readInteger(run, item as string) as Value) : (item as string),
          )
        : fields.attribute(run, value, attribute);
    at = PART.lastIndex;
  }
  return value;
}

function firstValue(run: Run, first: string, fields: Fields): Value {
  if (!/^\d+$/.test(first)) {
    const value = fields.named.get(first);
    if (value === undefined) throw new PythonError("KeyError", `'${first}'`);
    return value;
  }
  const index = Number(readInteger(run, first));
  const value = fields.args[index];
  if (value === undefined)
    throw new PythonError("IndexError", `Replacement index ${index} out of range for positional args tuple`);
  return value;
}

/** The name of a field, which is the next number where it is empty. */
function numbered(name: string, fields: Fields): string {
  if (name !== "" && !/^\d+$/.test(name)) return name;
  if (name === "") {
    if (fields.numbering === "manual")
      throw valueError("cannot switch from manual field specification to automatic field numbering");
    return String(fields.numbering++);
  }
  if (typeof fields.numbering === "number" && fields.numbering > 0)
    throw valueError("cannot switch from automatic field numbering to manual field specification");
  fields.numbering = "manual";
  return name;
}
