import type { Run } from "./run.ts";

/** Python's whitespace, as a class of regular expressions. */
export const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

const isSpaceUnit = new RegExp(`[${SPACE}]`);
export const isSpace = (unit: string): boolean => isSpaceUnit.test(unit);

const SURROGATES = /[\ud800-\udbff][\udc00-\udfff]/;

/** True if some characters of a text take two UTF-16 units. */
export const hasPairs = (text: string): boolean => SURROGATES.test(text);

/** The number of characters of a text. */
export function textLength(text: string): number {
  if (!hasPairs(text)) return text.length;
  let count = 0;
  for (let i = 0; i < text.length; i = nextUnit(text, i)) count++;
  return count;
}

function nextUnit(text: string, unit: number): number {
  return unit + ((text.codePointAt(unit) as number) > 0xffff ? 2 : 1);
}

/** The UTF-16 unit at which a character begins. */
export function unitAt(text: string, index: number): number {
  let unit = 0;
  for (let i = 0; i < index && unit < text.length; i++) unit = nextUnit(text, unit);
  return unit;
}

/** The characters from one up to another, both within the text. */
export function textBetween(text: string, from: number, to: number): string {
  if (from >= to) return "";
  if (!hasPairs(text)) return text.slice(from, to);
  const start = unitAt(text, from);
  let end = start;
  for (let i = from; i < to && end < text.length; i++) end = nextUnit(text, end);
  return text.slice(start, end);
}

/** The number of characters before a UTF-16 unit. */
export const charactersTo = (text: string, unit: number): number => textLength(text.slice(0, unit));

/** Compares texts by code points, as Python does: below, at or above 0. */
export function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let i = 0;
  while (i < length && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  if (i === length) return a.length - b.length;
  return rank(a.charCodeAt(i)) - rank(b.charCodeAt(i));
}

/** Halves of pairs stand for characters above all others. */
const rank = (unit: number): number => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit);

/** Needles longer than this are looked for without ever going back. */
const LONG_NEEDLE = 64;

/** The first place of a needle, in UTF-16 units, from a place on; -1 if there is none. */
export function indexOf(run: Run, text: string, needle: string, from = 0): number {
  if (needle.length <= LONG_NEEDLE || text.length - from < 4096) {
    const at = text.indexOf(needle, from);
    const read = (at < 0 ? text.length : at) - from;
    if (read > 4096) run.step(read >> 12);
    return at;
  }
  run.step((needle.length >> 6) + ((text.length - from) >> 6));
  return linearIndexOf(text, needle, from);
}

/** Knuth, Morris and Pratt's search: its time is linear whatever the texts are. */
function linearIndexOf(text: string, needle: string, from: number): number {
  const fallback = new Int32Array(needle.length);
  for (let i = 1, k = 0; i < needle.length; i++) {
    while (k > 0 && needle.charCodeAt(i) !== needle.charCodeAt(k)) k = fallback[k - 1] as number;
    if (needle.charCodeAt(i) === needle.charCodeAt(k)) k++;
    fallback[i] = k;
  }
  for (let i = from, k = 0; i < text.length; i++) {
    while (k > 0 && text.charCodeAt(i) !== needle.charCodeAt(k)) k = fallback[k - 1] as number;
    if (text.charCodeAt(i) === needle.charCodeAt(k)) k++;
    if (k === needle.length) return i - k + 1;
  }
  return -1;
}

/** The last place of a needle that ends at or before a UTF-16 unit; -1 if there is none. */
export function lastIndexOf(run: Run, text: string, needle: string, end = text.length): number {
  if (needle.length > end) return -1;
  if (needle.length <= LONG_NEEDLE) {
    run.step(1 + (end >> 12));
    return text.lastIndexOf(needle, end - needle.length);
  }
  let last = -1;
  const head = text.slice(0, end);
  for (let at = indexOf(run, head, needle); at >= 0; at = indexOf(run, head, needle, at + 1)) last = at;
  return last;
}

/** Texts between the places of a separator, at most `count` of which are used, from the left. */
export function splitText(run: Run, text: string, separator: string, count = -1): string[] {
  const parts: string[] = [];
  let from = 0;
  for (let at = indexOf(run, text, separator); at >= 0 && parts.length !== count; ) {
    run.items(1);
    parts.push(text.slice(from, at));
    from = at + separator.length;
    at = indexOf(run, text, separator, from);
  }
  parts.push(text.slice(from));
  return parts;
}

/** Python's `text.replace(old, replacement, count)`. */
export function replaceText(run: Run, text: string, old: string, replacement: string, count = -1): string {
  if (count === 0) return text;
  const parts = old === "" ? betweenCharacters(run, text, count) : splitText(run, text, old, count);
  run.allocate(text.length + (parts.length - 1) * (replacement.length - old.length));
  return parts.join(replacement);
}

/** A text cut before, between and after its characters, at most `count` times. */
function betweenCharacters(run: Run, text: string, count: number): string[] {
  const parts = [""];
  let unit = 0;
  while (unit < text.length && parts.length !== count) {
    run.items(1);
    const next = nextUnit(text, unit);
    parts.push(text.slice(unit, next));
    unit = next;
  }
  parts.push(text.slice(unit));
  return parts;
}

/** The characters that end a line, as a class of regular expressions. */
const LINE_ENDS = "\\n\\v\\f\\r\\x1c-\\x1e\\x85\\u2028\\u2029";
const LINE_END = new RegExp(`\\r\\n|[${LINE_ENDS}]`, "g");

/** Python's `text.splitlines(keep)`. */
export function splitLines(run: Run, text: string, keep = false): string[] {
  const lines: string[] = [];
  let from = 0;
  for (const { 0: end, index } of text.matchAll(LINE_END)) {
    run.items(1);
    lines.push(text.slice(from, keep ? index + end.length : index));
    from = index + end.length;
  }
  if (from < text.length) lines.push(text.slice(from));
  return lines;
}

/** A text without characters of a set at its ends; default whitespace. */
export function strip(text: string, sides: { left?: boolean; right?: boolean }, characters?: string): string {
  const belongs =
    characters === undefined ? isSpace : hasPairs(characters) ? within([...characters]) : within(characters);
  let [from, to] = [0, text.length];
  while (sides.left && from < to) {
    const next = nextUnit(text, from);
    if (!belongs(text.slice(from, next))) break;
    from = next;
  }
  while (sides.right && to > from) {
    const isPair = to - from > 1 && hasPairs(text.slice(to - 2, to));
    const before = to - (isPair ? 2 : 1);
    if (!belongs(text.slice(before, to))) break;
    to = before;
  }
  return text.slice(from, to);
}

const within =
  (characters: string | readonly string[]) =>
  (character: string): boolean =>
    characters.includes(character);

export const trim = (text: string): string => strip(text, { left: true, right: true });

/** Python's `text.split(None, count)`: the texts between runs of whitespace. */
export function splitWords(run: Run, text: string, count = -1): string[] {
  const words: string[] = [];
  const word = new RegExp(`[^${SPACE}]+`, "g");
  for (let found = word.exec(text); found; found = word.exec(text)) {
    run.items(1);
    if (words.length === count) {
      words.push(text.slice(found.index));
      break;
    }
    words.push(found[0]);
  }
  return words;
}

/** Python's `text.rsplit(None, count)`. */
export function splitWordsRight(run: Run, text: string, count: number): string[] {
  const words = splitWords(run, text);
  if (count < 0 || words.length <= count) return words;
  let rest = strip(text, { right: true });
  const last = words.slice(words.length - count);
  for (const word of last.toReversed()) rest = strip(rest.slice(0, rest.length - word.length), { right: true });
  return [rest, ...last];
}
