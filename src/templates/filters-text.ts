import { integerArgument, textArgument } from "./arguments.ts";
import { capitalize } from "./characters.ts";
import { PythonError, typeError, valueError } from "./errors.ts";
import { type Filter, filters } from "./filter.ts";
import { linkAddresses, stripTags } from "./html.ts";
import { percentFormat } from "./percent-format.ts";
import { repr, str, textOf, typeName } from "./print.ts";
import { escapeHtml, iterate, iteratorOf, len, toList, truth } from "./protocols.ts";
import type { Run } from "./run.ts";
import { padCenter } from "./string-methods.ts";
import { replaceText, splitLines, strip, textBetween, trim } from "./text.ts";
import { Bytes, Dict, type Keywords, Markup, Tuple, Undefined, type Value } from "./values.ts";
import { wrapText } from "./wrap-text.ts";

/** A text that is HTML where the value is. */
function likewise(value: Value | undefined, text: string): Value {
  return value instanceof Markup ? new Markup(text) : text;
}

/** A filter that changes a value's text. */
const changing =
  (change: (text: string) => string) =>
  (run: Run, [value = null]: readonly (Value | undefined)[]): Value =>
    likewise(value, run.text(change(str(run, value))));

/** Words begin with capitals, after spaces, hyphens and brackets. */
function title(run: Run, text: string): string {
  return text.replace(/[^-\s({[<]+/g, (word) => {
    run.step();
    const [first = ""] = word;
    return first.toUpperCase() + word.slice(first.length).toLowerCase();
  });
}

function countWords(run: Run, text: string): number {
  const word = /[\p{L}\p{N}_]+/gu;
  let count = 0;
  for (; word.test(text); count++) run.step();
  return count;
}

function replace(
  run: Run,
  [value = null, old = null, replacement = null, count]: readonly (Value | undefined)[],
): Value {
  const most = count === undefined || count === null ? -1 : Math.max(-1, integerArgument(count, -1));
  const [from, to] = [str(run, old), run.autoescape ? escapeHtml(run, replacement).text : str(run, replacement)];
  const isHtml = run.autoescape && (value instanceof Markup || old instanceof Markup || replacement instanceof Markup);
  const text = isHtml ? escapeHtml(run, value).text : str(run, value);
  const result = replaceText(run, text, from, isHtml ? to : str(run, replacement), most);
  return isHtml ? new Markup(result) : result;
}

function indent(run: Run, [value = null, width, first, blank]: readonly (Value | undefined)[]): Value {
  const text = textOf(value);
  if (text === undefined) {
    if (value instanceof Undefined) throw value.fail();
    throw typeError(`unsupported operand type(s) for +=: '${typeName(value)}' and 'str'`);
  }
  const space = textOf(width) ?? " ".repeat(spaces(run, integerArgument(width, 4)));
  const lines = splitLines(run, `${text}\n`);
  const isBlank = blank !== undefined && truth(run, blank);
  run.allocate(lines.length * space.length);
  const rest = lines.slice(1).map((line) => (line || isBlank ? space + line : line));
  const start = first !== undefined && truth(run, first) ? space : "";
  return likewise(value, run.text([start + (lines[0] ?? ""), ...rest].join("\n")));
}

function spaces(run: Run, count: number): number {
  run.allocate(Math.max(0, count));
  return Math.max(0, count);
}

function truncate(run: Run, [value = null, length, killWords, end, leeway]: readonly (Value | undefined)[]): Value {
  const most = integerArgument(length, 255);
  const tail = end === undefined ? "..." : textArgument(end, "the end");
  const slack = leeway === undefined || leeway === null ? 5 : integerArgument(leeway, 5);
  if (most < len(run, tail))
    throw new PythonError("AssertionError", `expected length >= ${len(run, tail)}, got ${most}`);
  if (slack < 0) throw new PythonError("AssertionError", `expected leeway >= 0, got ${slack}`);
  if (len(run, value) <= most + slack) return value;
  const text = textArgument(value, "truncate's value");
  const cut = textBetween(text, 0, most - len(run, tail));
  if (killWords !== undefined && truth(run, killWords)) return likewise(value, cut + tail);
  const space = cut.lastIndexOf(" ");
  return likewise(value, (space < 0 ? cut : cut.slice(0, space)) + tail);
}

function wordWrap(run: Run, [value = null, width, long, wrap, hyphens]: readonly (Value | undefined)[]): Value {
  const text = textOf(value);
  if (text === undefined) {
    if (value instanceof Undefined) throw value.fail();
    throw typeError(`wordwrap needs a text, not ${typeName(value)}`);
  }
  const between = wrap === undefined || wrap === null ? "\n" : textArgument(wrap, "wrapstring");
  const options = {
    width: integerArgument(width, 79),
    breakLongWords: long === undefined || truth(run, long),
    breakOnHyphens: hyphens === undefined || truth(run, hyphens),
  };
  return run.text(
    splitLines(run, text)
      .map((line) => wrapText(run, line, options).join(between))
      .join(between),
  );
}

function format(run: Run, [value = null, ...args]: readonly Value[], keywords: Keywords): Value {
  if (args.length > 0 && keywords.size > 0)
    throw new PythonError("FilterArgumentError", "can't handle positional and keyword arguments at the same time");
  const dict = new Dict();
  for (const [key, given] of keywords) dict.set(key, given);
  const text = value instanceof Markup ? value : str(run, value);
  return percentFormat(run, text, keywords.size > 0 ? dict : new Tuple(args));
}

/** A value's bytes as a part of an address. */
function quoteUrl(run: Run, value: Value, inQuery = false): string {
  const text = str(run, value);
  if (value instanceof Bytes) throw typeError("urlencode needs a text, not bytes");
  if (!text.isWellFormed())
    throw new PythonError("UnicodeError", "'utf-8' codec can't encode the text: surrogates not allowed");
  const quoted = encodeURIComponent(text).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return run.text(inQuery ? quoted.replaceAll("%20", "+") : quoted.replaceAll("%2F", "/"));
}

function urlEncode(run: Run, [value = null]: readonly (Value | undefined)[]): Value {
  if (textOf(value) !== undefined || !iteratorOf(run, value)) return quoteUrl(run, value);
  const pairs = value instanceof Dict ? [...value.entries()] : toList(run, value).map((pair) => toList(run, pair));
  return run.text(
    pairs
      .map(([key, item, ...rest]) => {
        if (key === undefined || item === undefined || rest.length > 0) throw valueError("urlencode needs pairs");
        return `${quoteUrl(run, key, true)}=${quoteUrl(run, item, true)}`;
      })
      .join("&"),
  );
}

function xmlAttributes(run: Run, [value = null, space]: readonly (Value | undefined)[]): Value {
  if (value instanceof Undefined) throw value.fail();
  if (!(value instanceof Dict))
    throw new PythonError("AttributeError", `'${typeName(value)}' object has no attribute 'items'`);
  const parts: string[] = [];
  for (const [key, item] of value.entries()) {
    if (item === null || item instanceof Undefined) continue;
    const name = textArgument(key, "an attribute's name");
    if (/[ \t\n\r\f\v/>=]/.test(name)) throw valueError(`Invalid character in attribute name: ${repr(run, key)}`);
    parts.push(`${escapeHtml(run, key).text}="${escapeHtml(run, item).text}"`);
  }
  const spaced =
    (space === undefined || truth(run, space)) && parts.length > 0 ? ` ${parts.join(" ")}` : parts.join(" ");
  return run.autoescape ? new Markup(run.text(spaced)) : run.text(spaced);
}

function urlize(
  run: Run,
  [value = null, limit, noFollow, target, rel, schemes]: readonly (Value | undefined)[],
): Value {
  const words = new Set(
    rel === undefined || rel === null
      ? []
      : str(run, rel)
          .split(/\s+/)
          .filter((word) => word !== ""),
  );
  if (noFollow !== undefined && truth(run, noFollow)) words.add("nofollow");
  words.add("noopener");
  const extra = schemes === undefined || schemes === null ? [] : toList(run, schemes).map((scheme) => str(run, scheme));
  for (const scheme of extra)
    if (!/^[\w.+-]{2,}:\/{0,2}$/.test(scheme))
      throw new PythonError("FilterArgumentError", `'${scheme}' is not a valid URI scheme prefix.`);
  const attribute = (name: string, text: string): string => ` ${name}="${escapeHtml(run, text).text}"`;
  const attributes =
    attribute("rel", [...words].toSorted().join(" ")) +
    (target === undefined || target === null || str(run, target) === "" ? "" : attribute("target", str(run, target)));
  const most = limit === undefined || limit === null ? undefined : integerArgument(limit, 0);
  const html = linkAddresses(run, escapeHtml(run, value).text, { limit: most, attributes, schemes: extra });
  return run.autoescape ? new Markup(html) : html;
}

function join(run: Run, values: Iterator<Value>, separator: Value): Value {
  const items: Value[] = [];
  for (let next = values.next(); !next.done; next = values.next()) {
    run.items(1);
    items.push(next.value);
  }
  const isHtml = run.autoescape && (separator instanceof Markup || items.some((item) => item instanceof Markup));
  const texts = items.map((item) => (isHtml ? escapeHtml(run, item).text : str(run, item)));
  const between = isHtml ? escapeHtml(run, separator).text : str(run, separator);
  run.allocate(texts.reduce((total, text) => total + text.length + between.length, 0));
  return isHtml ? new Markup(texts.join(between)) : texts.join(between);
}

/** Joins the texts of values, each looked at by a getter. */
export function joinValues(run: Run, value: Value, separator: Value, get?: (item: Value) => Value): Value {
  const iterator = iterate(run, value);
  if (!get) return join(run, iterator, separator);
  return join(run, { next: () => got(iterator.next(), get) }, separator);
}

const got = (next: IteratorResult<Value>, get: (item: Value) => Value): IteratorResult<Value> =>
  next.done ? next : { done: false, value: get(next.value) };

/** The filters of texts. */
export const TEXT_FILTERS: readonly (readonly [string, Filter])[] = [
  ...filters({
    capitalize: ["s", changing(capitalize)],
    center: [
      "value width?",
      (run, [value = null, width = 80]) => likewise(value, padCenter(run, str(run, value), [width])),
    ],
    e: ["value", (run, [value = null]) => escapeHtml(run, value)],
    escape: ["value", (run, [value = null]) => escapeHtml(run, value)],
    forceescape: ["value", (run, [value = null]) => escapeHtml(run, str(run, value))],
    indent: ["s width? first? blank?", indent],
    lower: ["s", changing((text) => text.toLowerCase())],
    replace: ["s old new count?", replace],
    safe: ["value", (run, [value = null]) => new Markup(str(run, value))],
    string: ["value", (run, [value = null]) => (value instanceof Markup ? value : str(run, value))],
    striptags: ["value", (run, [value = null]) => run.text(stripTags(run, str(run, value)))],
    title: ["s", (run, [value = null]) => likewise(value, run.text(title(run, str(run, value))))],
    trim: [
      "value chars?",
      (run, [value = null, chars]) => {
        const text = str(run, value);
        if (chars === undefined || chars === null) return likewise(value, trim(text));
        return likewise(value, strip(text, { left: true, right: true }, textArgument(chars, "strip arg")));
      },
    ],
    truncate: ["s length? killwords? end? leeway?", truncate],
    upper: ["s", changing((text) => text.toUpperCase())],
    urlencode: ["value", urlEncode],
    urlize: ["value trim_url_limit? nofollow? target? rel? extra_schemes?", urlize],
    wordcount: ["s", (run, [value = null]) => countWords(run, str(run, value))],
    wordwrap: ["s width? break_long_words? wrapstring? break_on_hyphens?", wordWrap],
    xmlattr: ["d autospace?", xmlAttributes],
  }),
  ["format", format],
];
