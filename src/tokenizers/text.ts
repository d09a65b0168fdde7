import type { Matcher } from "./regex/index.ts";

/** The origin of each UTF-16 unit of a rewritten text, in code points of the original. */
export interface Origin {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/**
 * The replacement of a matched part. Each code point of `text` has an entry in `changes`, as in the tokenizers
 * library: 0 replaces the next character of the part, −n replaces it and removes n more, 1 is put in between and
 * comes from where the character before it came from. Without `changes` characters are replaced one by one.
 */
export interface Change {
  readonly text: string;
  readonly changes?: readonly number[];
  /** True if everything comes from the last character of the part. */
  readonly fromLast?: boolean;
}

/** A text on its way through a tokenizer; it knows where it came from only if that was asked for. */
export class Text {
  readonly text: string;
  readonly origin: Origin | undefined;
  readonly #isFirst: boolean;

  constructor(text: string, origin: Origin | undefined, isFirst = true) {
    this.text = text;
    this.origin = origin;
    this.#isFirst = isFirst;
  }

  /** A text as it was given. */
  static of(text: string, tracked: boolean): Text {
    if (!tracked) return new Text(text, undefined);
    const starts = new Int32Array(text.length);
    let count = 0;
    for (let i = 0; i < text.length; i++) {
      const isSecondHalf = i > 0 && isLow(text.charCodeAt(i)) && isHigh(text.charCodeAt(i - 1));
      starts[i] = isSecondHalf ? count - 1 : count++;
    }
    return new Text(text, { starts, ends: starts.map((start) => start + 1) });
  }

  slice(start: number, end: number): Text {
    if (start === 0 && end === this.text.length) return this;
    const { origin } = this;
    return new Text(
      this.text.slice(start, end),
      origin && { starts: origin.starts.subarray(start, end), ends: origin.ends.subarray(start, end) },
      this.#isFirst && start === 0,
    );
  }

  /** The origin of a part: its start and end, in code points of the original. */
  offset(start: number, end: number): [number, number] {
    const { origin } = this;
    if (!origin || end <= start) return [0, 0];
    return [origin.starts[start] ?? 0, origin.ends[end - 1] ?? 0];
  }

  /** True if what stands at a place came from the very start of the original. */
  startsAtOrigin(at: number): boolean {
    return this.origin ? this.origin.starts[at] === 0 : at === 0 && this.#isFirst;
  }

  /** Replaces every match of a global pattern. */
  rewrite(pattern: RegExp, make: (match: string) => Change): Text {
    const { text, origin } = this;
    pattern.lastIndex = 0;
    if (!origin)
      return new Text(
        text.replace(pattern, (match) => make(match).text),
        undefined,
        this.#isFirst,
      );
    const rewriting = new Rewriting(text, origin);
    for (const match of text.matchAll(pattern)) rewriting.replace(match.index, match[0].length, make(match[0]));
    return rewriting.finish();
  }

  /** Replaces every match of a file's pattern by one text; all of it comes from the match's last character. */
  substitute(pattern: Matcher, content: string): Text {
    const { text, origin } = this;
    const rewriting = origin && new Rewriting(text, origin);
    const parts: string[] = [];
    let last = 0;
    pattern.each(text, (start, end) => {
      if (rewriting) rewriting.replace(start, end - start, { text: content, fromLast: true });
      else parts.push(text.slice(last, start), content);
      last = end;
    });
    if (rewriting) return rewriting.finish();
    return last === 0 && parts.length === 0
      ? this
      : new Text(`${parts.join("")}${text.slice(last)}`, undefined, this.#isFirst);
  }

  /** Replaces one character by another wherever it stands; both are one UTF-16 unit. */
  exchange(character: string, other: string): Text {
    return new Text(this.text.replaceAll(character, other), this.origin, this.#isFirst);
  }

  /** Puts a text before the part that starts at each of some places; it comes from that part's first character. */
  insert(places: readonly number[], inserted: string): Text {
    const { text, origin } = this;
    const parts: string[] = [];
    const starts = origin && new Int32Array(text.length + places.length * inserted.length);
    const ends = starts?.slice();
    let [from, to] = [0, 0];
    const copy = (until: number): void => {
      parts.push(text.slice(from, until));
      if (origin) starts?.set(origin.starts.subarray(from, until), to);
      if (origin) ends?.set(origin.ends.subarray(from, until), to);
      to += until - from;
      from = until;
    };
    for (const place of places) {
      copy(place);
      parts.push(inserted);
      starts?.fill(origin?.starts[place] ?? 0, to, to + inserted.length);
      ends?.fill(origin?.ends[place] ?? 0, to, to + inserted.length);
      to += inserted.length;
    }
    copy(text.length);
    return new Text(parts.join(""), starts && ends && { starts, ends }, this.#isFirst);
  }
}

/** A text being rewritten from left to right, with where its characters come from. */
class Rewriting {
  readonly #text: string;
  readonly #origin: Origin;
  readonly #parts: string[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #copied = 0;

  constructor(text: string, origin: Origin) {
    this.#text = text;
    this.#origin = origin;
  }

  replace(at: number, length: number, { text, changes, fromLast }: Change): void {
    this.#copy(at);
    this.#parts.push(text);
    this.#copied = at + length;
    let cursor = fromLast ? at + length : at;
    let index = 0;
    for (const character of text) {
      const change = fromLast ? 1 : (changes?.[index] ?? 0);
      index++;
      const from = change > 0 ? cursor - 1 : cursor;
      for (let unit = 0; unit < character.length; unit++) {
        this.#starts.push(this.#origin.starts[from] ?? 0);
        this.#ends.push(this.#origin.ends[from] ?? 0);
      }
      for (let passed = change; passed <= 0; passed++) cursor += widthAt(this.#text, cursor);
    }
  }

  finish(): Text {
    this.#copy(this.#text.length);
    const origin = { starts: Int32Array.from(this.#starts), ends: Int32Array.from(this.#ends) };
    return new Text(this.#parts.join(""), origin);
  }

  #copy(until: number): void {
    this.#parts.push(this.#text.slice(this.#copied, until));
    for (let i = this.#copied; i < until; i++) {
      this.#starts.push(this.#origin.starts[i] ?? 0);
      this.#ends.push(this.#origin.ends[i] ?? 0);
    }
  }
}

const isHigh = (unit: number): boolean => (unit & 0xfc00) === 0xd800;
const isLow = (unit: number): boolean => (unit & 0xfc00) === 0xdc00;

/** UTF-16 units of the character at a place: 1 or 2. */
export function widthAt(text: string, at: number): number {
  return isHigh(text.charCodeAt(at)) && isLow(text.charCodeAt(at + 1)) ? 2 : 1;
}
