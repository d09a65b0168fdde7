import { ownEntry } from "../common/index.ts";
import { type Bound, integerArgument, optionalText, textArgument } from "./arguments.ts";
import { CHARACTER_TESTS, capitalize, caseFold, swapCase, titleText } from "./characters.ts";
import { PythonError, typeError, valueError } from "./errors.ts";
import { stripTags, unescapeHtml } from "./html.ts";
import { asInteger } from "./integers.ts";
import { type Method, methods } from "./method.ts";
import { textOf, typeName } from "./print.ts";
import { escapeHtml, iterate, toList, truth } from "./protocols.ts";
import type { Run } from "./run.ts";
import {
  charactersTo,
  hasPairs,
  indexOf,
  lastIndexOf,
  replaceText,
  splitLines,
  splitText,
  splitWords,
  splitWordsRight,
  strip,
  textLength,
  unitAt,
} from "./text.ts";
import { Builtin, Bytes, Dict, Markup, Tuple, type Value } from "./values.ts";

/** The part of a text that `start` and `end` leave, with the unit at which it begins; undefined past its end. */
function window(
  text: string,
  start: Value | undefined,
  end: Value | undefined,
): { from: number; to: number } | undefined {
  if (start === undefined && end === undefined) return { from: 0, to: text.length };
  const length = textLength(text);
  const at = (value: Value | undefined, usual: number): number => {
    const index = value === null ? usual : integerArgument(value, usual);
    return index < 0 ? Math.max(0, index + length) : index;
  };
  const [from, to] = [at(start, 0), Math.min(length, at(end, length))];
  if (from > to) return undefined;
  return hasPairs(text) ? { from: unitAt(text, from), to: unitAt(text, to) } : { from, to };
}

function find(run: Run, text: string, [part, start, end]: Bound, fromRight: boolean): number {
  const needle = textArgument(part, "the argument");
  const range = window(text, start, end);
  if (!range) return -1;
  const { from, to } = range;
  const piece = text.slice(from, to);
  const at = fromRight ? lastIndexOf(run, piece, needle) : indexOf(run, piece, needle);
  return at < 0 ? -1 : hasPairs(text) ? charactersTo(text, from + at) : from + at;
}

function found(index: number): number {
  if (index < 0) throw valueError("substring not found");
  return index;
}

function count(run: Run, text: string, [part, start, end]: Bound): number {
  const needle = textArgument(part, "the argument");
  const range = window(text, start, end);
  if (!range) return 0;
  const piece = text.slice(range.from, range.to);
  if (needle === "") return textLength(piece) + 1;
  let total = 0;
  for (let at = indexOf(run, piece, needle); at >= 0; at = indexOf(run, piece, needle, at + needle.length)) {
    run.step();
    total++;
  }
  return total;
}

/** `startswith` and `endswith`, of one text or any of a tuple. */
function affix(text: string, [part, start, end]: Bound, test: (piece: string, affix: string) => boolean): boolean {
  const options = part instanceof Tuple ? part.items : [part];
  const range = window(text, start, end);
  const piece = range && text.slice(range.from, range.to);
  return options.some((option) => {
    const affixText = textOf(option);
    if (affixText === undefined)
      throw typeError(`startswith and endswith need a str or a tuple of str, not ${typeName(option as Value)}`);
    return piece !== undefined && test(piece, affixText);
  });
}

function split(run: Run, text: string, [separator, limit]: Bound): Value {
  const most = integerArgument(limit, -1);
  const between = optionalText(separator, "the separator");
  if (between === "") throw valueError("empty separator");
  return between === undefined ? splitWords(run, text, most) : splitText(run, text, between, Math.max(-1, most));
}

function splitRight(run: Run, text: string, [separator, limit]: Bound): Value {
  const most = integerArgument(limit, -1);
  const between = optionalText(separator, "the separator");
  if (between === "") throw valueError("empty separator");
  if (between === undefined) return splitWordsRight(run, text, most);
  if (most < 0) return splitText(run, text, between);
  const parts: string[] = [];
  let to = text.length;
  while (parts.length < most) {
    const at = lastIndexOf(run, text, between, to);
    if (at < 0) break;
    run.items(1);
    parts.push(text.slice(at + between.length, to));
    to = at;
  }
  return [...parts, text.slice(0, to)].reverse();
}

function partition(run: Run, text: string, [separator]: Bound, fromRight: boolean): Tuple {
  const between = textArgument(separator, "the separator");
  if (between === "") throw valueError("empty separator");
  const at = fromRight ? lastIndexOf(run, text, between) : indexOf(run, text, between);
  if (at < 0) return new Tuple(fromRight ? ["", "", text] : [text, "", ""]);
  return new Tuple([text.slice(0, at), between, text.slice(at + between.length)]);
}

/** A text with fill characters before and after it, up to a width. */
function pad(run: Run, text: string, [width, fill]: Bound, share: (missing: number, width: number) => number): string {
  const character = fill === undefined ? " " : textArgument(fill, "the fill character");
  if (textLength(character) !== 1) throw typeError("The fill character must be exactly one character long");
  const size = integerArgument(width, 0);
  const missing = size - textLength(text);
  if (missing <= 0) return text;
  run.allocate(size);
  const before = share(missing, size);
  return character.repeat(before) + text + character.repeat(missing - before);
}

export const padCenter = (run: Run, text: string, args: Bound): string =>
  pad(run, text, args, (missing, width) => (missing >> 1) + (missing & width & 1));

export function joinTexts(run: Run, separator: string, items: Value): string {
  const texts: string[] = [];
  const iterator = iterate(run, items);
  for (let next = iterator.next(); !next.done; next = iterator.next()) {
    const text = textOf(next.value);
    if (text === undefined)
      throw typeError(`sequence item ${texts.length}: expected str instance, ${typeName(next.value)} found`);
    run.allocate(text.length + separator.length);
    texts.push(text);
  }
  return texts.join(separator);
}

function expandTabs(run: Run, text: string, size: number): string {
  run.step(text.length);
  let [result, column] = ["", 0];
  for (const character of text) {
    if (character === "\t") {
      const spaces = size > 0 ? size - (column % size) : 0;
      run.allocate(spaces);
      result += " ".repeat(spaces);
      column += spaces;
    } else {
      result += character;
      column = character === "\n" || character === "\r" ? 0 : column + 1;
    }
  }
  return run.text(result);
}

function zeroFill(run: Run, text: string, width: number): string {
  const missing = width - textLength(text);
  if (missing <= 0) return text;
  run.allocate(width);
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  return sign + "0".repeat(missing) + text.slice(sign.length);
}

function encode(text: string, [encoding]: Bound): Bytes {
  const name = optionalText(encoding, "the encoding") ?? "utf-8";
  if (!/^(utf[-_]?8|ascii)$/i.test(name)) throw valueError(`unknown encoding: ${name}`);
  if (!text.isWellFormed() || (/ascii/i.test(name) && /\P{ASCII}/u.test(text)))
    throw new PythonError("UnicodeError", `'${name}' codec can't encode the text`);
  return new Bytes(new TextEncoder().encode(text));
}

function makeTable(run: Run, [from, to, removed]: Bound): Dict {
  const table = new Dict();
  if (to === undefined) {
    if (!(from instanceof Dict)) throw typeError("if you give only one argument to maketrans it must be a dict");
    for (const [key, value] of from.entries()) {
      const text = textOf(key);
      if (text !== undefined && textLength(text) !== 1)
        throw valueError("string keys in translate table must be of length 1");
      table.set(text === undefined ? key : (text.codePointAt(0) as number), value);
    }
    return table;
  }
  const [keys, values] = [[...textArgument(from, "the first argument")], [...textArgument(to, "the second argument")]];
  if (keys.length !== values.length) throw valueError("the first two maketrans arguments must have equal length");
  run.items(keys.length * 2);
  for (const [i, key] of keys.entries())
    table.set(key.codePointAt(0) as number, (values[i] as string).codePointAt(0) as number);
  for (const key of removed === undefined ? "" : textArgument(removed, "the third argument"))
    table.set(key.codePointAt(0) as number, null);
  return table;
}

function translate(run: Run, text: string, [table]: Bound): string {
  if (!(table instanceof Dict)) throw typeError(`'${typeName(table as Value)}' object is not subscriptable`);
  let result = "";
  for (const character of text) {
    run.step();
    const value = table.get(character.codePointAt(0) as number);
    if (value === undefined) result += character;
    else if (value !== null) {
      const code = asInteger(value);
      const piece = code === undefined ? textArgument(value, "a translation") : String.fromCodePoint(Number(code));
      run.allocate(piece.length);
      result += piece;
    }
  }
  return result;
}

const stripped =
  (sides: { left?: boolean; right?: boolean }) =>
  (_: Run, text: string, [characters]: Bound) =>
    strip(text, sides, optionalText(characters, "strip arg"));

/** A text that is read character by character. */
function counted(run: Run, text: string): string {
  run.step(text.length);
  return text;
}

export const STRING_METHODS: ReadonlyMap<string, Method<string>> = methods<string>({
  ...Object.fromEntries(
    Object.entries(CHARACTER_TESTS).map(
      ([name, test]) => [name, ["/", (run: Run, text: string) => test(counted(run, text))]] as const,
    ),
  ),
  capitalize: ["/", (run, text) => run.text(capitalize(text))],
  casefold: ["/", (run, text) => run.text(caseFold(counted(run, text)))],
  center: ["/ width fillchar?", padCenter],
  count: ["/ sub start? end?", count],
  encode: ["encoding? errors?", (_, text, args) => encode(text, args)],
  endswith: ["/ suffix start? end?", (_, text, args) => affix(text, args, (piece, end) => piece.endsWith(end))],
  expandtabs: ["tabsize?", (run, text, [size]) => expandTabs(run, text, integerArgument(size, 8))],
  find: ["/ sub start? end?", (run, text, args) => find(run, text, args, false)],
  index: ["/ sub start? end?", (run, text, args) => found(find(run, text, args, false))],
  join: ["/ iterable", (run, text, [items]) => joinTexts(run, text, items as Value)],
  ljust: ["/ width fillchar?", (run, text, args) => pad(run, text, args, () => 0)],
  lower: ["/", (run, text) => run.text(text.toLowerCase())],
  lstrip: ["/ chars?", stripped({ left: true })],
  maketrans: ["/ x y? z?", (run, _, args) => makeTable(run, args)],
  partition: ["/ sep", (run, text, args) => partition(run, text, args, false)],
  removeprefix: [
    "/ prefix",
    (_, text, [prefix]) => {
      const start = textArgument(prefix, "removeprefix() argument");
      return text.startsWith(start) ? text.slice(start.length) : text;
    },
  ],
  removesuffix: [
    "/ suffix",
    (_, text, [suffix]) => {
      const end = textArgument(suffix, "removesuffix() argument");
      return end !== "" && text.endsWith(end) ? text.slice(0, -end.length) : text;
    },
  ],
  replace: [
    "/ old new count?",
    (run, text, [old, replacement, limit]) =>
      replaceText(
        run,
        text,
        textArgument(old, "replace() argument 1"),
        textArgument(replacement, "replace() argument 2"),
        Math.max(-1, integerArgument(limit, -1)),
      ),
  ],
  rfind: ["/ sub start? end?", (run, text, args) => find(run, text, args, true)],
  rindex: ["/ sub start? end?", (run, text, args) => found(find(run, text, args, true))],
  rjust: ["/ width fillchar?", (run, text, args) => pad(run, text, args, (missing) => missing)],
  rpartition: ["/ sep", (run, text, args) => partition(run, text, args, true)],
  rsplit: ["sep? maxsplit?", splitRight],
  rstrip: ["/ chars?", stripped({ right: true })],
  split: ["sep? maxsplit?", split],
  splitlines: ["keepends?", (run, text, [keep]) => splitLines(run, text, keep !== undefined && truth(run, keep))],
  startswith: ["/ prefix start? end?", (_, text, args) => affix(text, args, (piece, start) => piece.startsWith(start))],
  strip: ["/ chars?", stripped({ left: true, right: true })],
  swapcase: ["/", (run, text) => run.text(swapCase(counted(run, text)))],
  title: ["/", (run, text) => run.text(titleText(counted(run, text)))],
  translate: ["/ table", translate],
  upper: ["/", (run, text) => run.text(text.toUpperCase())],
  zfill: ["/ width", (run, text, [width]) => zeroFill(run, text, integerArgument(width, 0))],
});

/** Methods of HTML that give a plain value, as those of a text do. */
const PLAIN = /^(is|find|index|rfind|rindex|count|startswith|endswith|encode|maketrans)/;

/** Methods of HTML whose arguments are escaped, but not the first so many. */
const ESCAPING = new Map([
  ["replace", 1],
  ["ljust", 1],
  ["rjust", 1],
  ["center", 1],
]);

/** A method of a text that is HTML: what it gives is HTML too. */
export function markupMethod(self: Markup, name: string, method: Method<string> | undefined): Value | undefined {
  const own = ownEntry(MARKUP_METHODS, name);
  if (own) return new Builtin(name, (run, args) => own(run, self, args), true);
  if (!method) return undefined;
  return new Builtin(
    name,
    (run, args, keywords) => {
      const spared = ESCAPING.get(name) ?? Number.POSITIVE_INFINITY;
      const given = args.map((value, i) => (i >= spared && i < 2 ? escapeHtml(run, value) : value));
      const result = method.body(run, self.text, method.signature.bind(given, keywords));
      return PLAIN.test(name) ? result : marked(result);
    },
    true,
  );
}

function marked(value: Value): Value {
  if (typeof value === "string") return new Markup(value);
  if (Array.isArray(value)) return value.map(marked);
  return value instanceof Tuple ? new Tuple(value.items.map(marked)) : value;
}

const MARKUP_METHODS: Readonly<Record<string, (run: Run, self: Markup, args: readonly Value[]) => Value>> = {
  escape: (run, _, [value = null]) => escapeHtml(run, value),
  join: (run, { text }, [items = null]) =>
    new Markup(
      joinTexts(
        run,
        text,
        toList(run, items).map((item) => escapeHtml(run, item)),
      ),
    ),
  striptags: (run, { text }) => run.text(stripTags(run, text)),
  unescape: (run, { text }) => run.text(unescapeHtml(text)),
};
