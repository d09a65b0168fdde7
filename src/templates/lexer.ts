import { ownEntry } from "../common/index.ts";
import { TemplateError } from "./errors.ts";
import { type Integer, readInteger } from "./integers.ts";
import { escaped } from "./print.ts";
import { Run } from "./run.ts";
import { isSpace, SPACE } from "./text.ts";
import { Float } from "./values.ts";

export type TokenType =
  | "data"
  | "variable_begin"
  | "variable_end"
  | "block_begin"
  | "block_end"
  | "name"
  | "string"
  | "integer"
  | "float"
  | "operator"
  | "eof";

export interface Token {
  readonly type: TokenType;
  /** The text of a token; that of a string is its value. */
  readonly text: string;
  readonly line: number;
  /** The value of a number. */
  readonly number?: Integer | Float;
}

export const syntaxError = (message: string, line: number): TemplateError => new TemplateError("syntax", message, line);

const RAW_BEGIN = new RegExp(`\\{%([-+]?)[${SPACE}]*raw[${SPACE}]*(?:-%\\}[${SPACE}]*|%\\})`, "y");
const RAW_END = new RegExp(`\\{%([-+]?)[${SPACE}]*endraw[${SPACE}]*(?:\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?)`, "y");
const COMMENT_END = new RegExp(`\\+#\\}|-#\\}[${SPACE}]*|#\\}\\n?`, "y");
const BLOCK_END = new RegExp(`\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?`, "y");
const VARIABLE_END = new RegExp(`-\\}\\}[${SPACE}]*|\\}\\}`, "y");

const WHITESPACE = new RegExp(`[${SPACE}]+`, "y");
const FLOAT = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const INTEGER = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const NAME = /[\p{L}\p{N}\p{M}_·]+/uy;
const STRING = /'([^'\\]*(?:\\.[^'\\]*)*)'|"([^"\\]*(?:\\.[^"\\]*)*)"/sy;
const OPERATOR = /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,;]/y;

const CLOSING: Readonly<Record<string, string>> = { "{": "}", "(": ")", "[": "]" };

/**
 * The handling of white space around tags: `trimmed` is `trim_blocks` and `lstrip_blocks`, and the newline at the end is
 * dropped; `kept` is none of them, with `keep_trailing_newline`.
 */
export type Whitespace = "trimmed" | "kept";

/** The tokens of a template. */
export function tokenize(template: string, whitespace: Whitespace = "trimmed"): Token[] {
  const text = template.replaceAll(/\r\n?/g, "\n");
  return new Lexer(whitespace === "trimmed" ? text.replace(/\n$/, "") : text, whitespace).tokens();
}

class Lexer {
  readonly #source: string;
  readonly #isTrimmed: boolean;
  readonly #tokens: Token[] = [];
  readonly #run = new Run({ steps: Number.POSITIVE_INFINITY, time: Number.POSITIVE_INFINITY });
  #at = 0;
  #line = 1;
  /** The next line end that was not read yet; -1 after the last. */
  #lineEnd: number;
  /** True if what was read last ended a line. */
  #startsLine = true;

  constructor(source: string, whitespace: Whitespace) {
    this.#source = source;
    this.#isTrimmed = whitespace === "trimmed";
    this.#lineEnd = source.indexOf("\n");
  }

  tokens(): Token[] {
    while (this.#at < this.#source.length) this.#root();
    this.#push("eof", "");
    return this.#tokens;
  }

  #push(type: TokenType, text: string, number?: Integer | Float): void {
    this.#tokens.push({ type, text, line: this.#line, ...(number === undefined ? {} : { number }) });
  }

  /** Goes on to a place, counting lines. */
  #advance(to: number): void {
    while (this.#lineEnd >= 0 && this.#lineEnd < to) {
      this.#line++;
      this.#lineEnd = this.#source.indexOf("\n", this.#lineEnd + 1);
    }
    if (to > this.#at) this.#startsLine = this.#source[to - 1] === "\n";
    this.#at = to;
  }

  /** The match of a pattern at the current place. */
  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#source);
  }

  /** Reads text up to the next tag, and what begins there. */
  #root(): void {
    const open = /\{[{%#]/g;
    open.lastIndex = this.#at;
    const found = open.exec(this.#source);
    if (!found) {
      this.#push("data", this.#source.slice(this.#at));
      this.#advance(this.#source.length);
      return;
    }
    const kind = found[0];
    const data = this.#source.slice(this.#at, found.index);
    const mark = this.#source[found.index + 2] ?? "";
    this.#data(data, { sign: mark, isVariable: kind === "{{" });
    this.#advance(found.index);
    const raw = kind === "{%" ? this.#match(RAW_BEGIN) : null;
    if (raw) this.#raw(this.#at + raw[0].length);
    else {
      const begin = this.#at + (mark === "-" || mark === "+" ? 3 : 2);
      if (kind === "{#") this.#comment(begin);
      else this.#tag(begin, kind === "{%");
    }
  }

  /** The end of a tag as it was matched, which takes the newline behind it where blocks are trimmed, or behind a minus. */
  #end(matched: string): string {
    return this.#isTrimmed || /-[%#}]\}/.test(matched) ? matched : matched.replace(/\n$/, "");
  }

  /** Text before a tag; a tag that stands alone on its line takes the spaces before it. */
  #data(data: string, { sign, isVariable }: { sign: string; isVariable: boolean }): void {
    let text = data;
    if (sign === "-") text = data.replace(new RegExp(`[${SPACE}]+$`), "");
    else if (this.#isTrimmed && sign !== "+" && !isVariable) {
      const start = data.lastIndexOf("\n") + 1;
      const isAlone = start < data.length && [...data.slice(start)].every(isSpace);
      if ((start > 0 || this.#startsLine) && isAlone) text = data.slice(0, start);
    }
    if (text !== "") this.#push("data", text);
  }

  #comment(begin: number): void {
    this.#advance(begin);
    const at = this.#source.indexOf("#}", begin);
    if (at < 0) throw syntaxError("Missing end of comment tag", this.#line);
    const sign = this.#source[at - 1];
    this.#advance(at > begin && (sign === "-" || sign === "+") ? at - 1 : at);
    this.#advance(this.#at + this.#end((this.#match(COMMENT_END) as RegExpExecArray)[0]).length);
  }

  #raw(begin: number): void {
    this.#advance(begin);
    for (let at = this.#source.indexOf("{%", begin); at >= 0; at = this.#source.indexOf("{%", at + 1)) {
      RAW_END.lastIndex = at;
      const end = RAW_END.exec(this.#source);
      if (!end) continue;
      this.#data(this.#source.slice(begin, at), { sign: end[1] as string, isVariable: false });
      this.#advance(at + this.#end(end[0]).length);
      return;
    }
    throw syntaxError("Missing end of raw directive", this.#line);
  }

  #tag(begin: number, isBlock: boolean): void {
    this.#push(isBlock ? "block_begin" : "variable_begin", "");
    this.#advance(begin);
    const open: string[] = [];
    while (true) {
      const end = open.length === 0 ? this.#match(isBlock ? BLOCK_END : VARIABLE_END) : null;
      if (end) {
        this.#push(isBlock ? "block_end" : "variable_end", "");
        this.#advance(this.#at + this.#end(end[0]).length);
        return;
      }
      if (this.#at >= this.#source.length) return;
      this.#expression(open);
    }
  }

  #expression(open: string[]): void {
    const space = this.#match(WHITESPACE);
    if (space) this.#advance(this.#at + space[0].length);
    else if (!this.#number() && !this.#name() && !this.#string()) this.#operator(open);
  }

  #number(): boolean {
    const float = this.#match(FLOAT);
    const found = float ?? this.#match(INTEGER);
    if (!found) return false;
    const digits = found[0].replaceAll("_", "");
    const value = float ? new Float(Number(digits)) : (readInteger(this.#run, digits, 0) as Integer);
    this.#push(float ? "float" : "integer", found[0], value);
    this.#advance(this.#at + found[0].length);
    return true;
  }

  #name(): boolean {
    const found = this.#match(NAME);
    if (!found) return false;
    if (!/^[\p{XID_Start}_]\p{XID_Continue}*$/u.test(found[0]))
      throw syntaxError("Invalid character in identifier", this.#line);
    this.#push("name", found[0]);
    this.#advance(this.#at + found[0].length);
    return true;
  }

  #string(): boolean {
    const found = this.#match(STRING);
    if (!found) return false;
    this.#push("string", unescaped(found[1] ?? found[2] ?? "", this.#line));
    this.#advance(this.#at + found[0].length);
    return true;
  }

  #operator(open: string[]): void {
    const found = this.#match(OPERATOR)?.[0];
    if (found === undefined)
      throw syntaxError(`unexpected char '${this.#source[this.#at]}' at ${this.#at}`, this.#line);
    const closing = ownEntry(CLOSING, found);
    if (closing !== undefined) open.push(closing);
    else if (found === "}" || found === ")" || found === "]") {
      const expected = open.pop();
      if (expected === undefined) throw syntaxError(`unexpected '${found}'`, this.#line);
      if (expected !== found) throw syntaxError(`unexpected '${found}', expected '${expected}'`, this.#line);
    }
    this.#push("operator", found);
    this.#advance(this.#at + found.length);
  }
}

const ESCAPE = /\\(?:\n|([abfnrtv\\'"])|([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([xuUN]))/g;
const SIMPLE: Readonly<Record<string, string>> = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** The value of a string's source, by Python's `unicode-escape`. */
function unescaped(source: string, line: number): string {
  if (!source.includes("\\")) return source;
  // As in Jinja, other characters are escapes first, so that a backslash before one of them takes its escape's own away.
  const ascii = source.replace(/\P{ASCII}/gu, escaped);
  return ascii.replace(ESCAPE, (_, simple, octal, two, four, eight, broken) => {
    if (simple !== undefined) return ownEntry(SIMPLE, simple) ?? simple;
    if (broken !== undefined) throw syntaxError(`truncated or unknown \\${broken} escape`, line);
    const digits = octal ?? two ?? four ?? eight;
    if (digits === undefined) return "";
    const code = Number.parseInt(digits, octal === undefined ? 16 : 8);
    if (code > 0x10ffff) throw syntaxError("illegal Unicode character", line);
    return String.fromCodePoint(code);
  });
}
