import { LecternError, ownEntry } from "../common/index.ts";
import { caseless, DIGITS, DOT, namedPattern, property, SPACES, WORDS } from "./character-sets.ts";
import { ALL, type CodePoints, common, complement, normalized } from "./utf8.ts";

/** A regular expression, parsed. */
export type Expression =
  | { readonly kind: "set"; readonly set: CodePoints }
  | { readonly kind: "sequence"; readonly parts: readonly Expression[] }
  | { readonly kind: "choice"; readonly parts: readonly Expression[] }
  | { readonly kind: "repeat"; readonly part: Expression; readonly least: number; readonly most: number }
  | { readonly kind: "start" }
  | { readonly kind: "end" };

/** So deep may groups be nested. */
const DEEPEST = 200;

const ESCAPED_CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13 };

/** Parses the syntax of ECMA-262 with the flag `u`, as JSON Schema has it. */
export class ExpressionParser {
  readonly #source: string;
  readonly #points: readonly string[];
  readonly #ignoresCase: boolean;
  #at = 0;
  #depth = 0;

  /** @param ignoresCase as the flag `i` */
  constructor(source: string, ignoresCase = false) {
    this.#source = source;
    this.#points = [...source];
    this.#ignoresCase = ignoresCase;
  }

  parse(): Expression {
    const whole = this.#choice();
    if (this.#at < this.#points.length) throw this.#wrong(`${this.#peek()} closes nothing`);
    return whole;
  }

  #choice(): Expression {
    if (++this.#depth > DEEPEST) throw this.#wrong(`groups are nested deeper than ${DEEPEST}`);
    const parts = [this.#sequence()];
    while (this.#take("|")) parts.push(this.#sequence());
    this.#depth--;
    return parts.length === 1 ? (parts[0] as Expression) : { kind: "choice", parts };
  }

  #sequence(): Expression {
    const parts: Expression[] = [];
    while (this.#at < this.#points.length && this.#peek() !== "|" && this.#peek() !== ")") parts.push(this.#repeat());
    return { kind: "sequence", parts };
  }

  #repeat(): Expression {
    const part = this.#atom();
    const [least, most] = this.#counts();
    if (least === undefined || most === undefined) return part;
    if (part.kind === "start" || part.kind === "end") throw this.#wrong("an anchor cannot be repeated");
    if (most < least) throw this.#wrong(`{${least},${most}} is out of order`);
    this.#take("?"); // lazy or not, the same texts match
    return { kind: "repeat", part, least, most };
  }

  #counts(): readonly [least?: number, most?: number] {
    if (this.#take("*")) return [0, Number.POSITIVE_INFINITY];
    if (this.#take("+")) return [1, Number.POSITIVE_INFINITY];
    if (this.#take("?")) return [0, 1];
    if (this.#peek() !== "{") return [];
    const [all, low = "", comma, high = ""] = /^\{(\d+)(,(\d*))?\}/.exec(this.#rest(40)) ?? [];
    if (all === undefined) throw this.#wrong("{ needs counts, as in {2,5}; write \\{ for the character");
    this.#at += all.length;
    const most = comma === undefined ? Number(low) : high === "" ? Number.POSITIVE_INFINITY : Number(high);
    return [Number(low), most];
  }

  #atom(): Expression {
    const point = this.#next();
    switch (point) {
      case "^":
        return { kind: "start" };
      case "$":
        return { kind: "end" };
      case ".":
        return this.#set(DOT);
      case "(":
        return this.#group();
      case "[":
        return this.#set(this.#class());
      case "\\":
        return this.#escape();
      case "*":
      case "+":
      case "?":
        throw this.#wrong(`${point} repeats nothing`);
      case "{":
      case "}":
      case "]":
        throw this.#wrong(`${point} stands alone; write \\${point} for the character`);
      default:
        return this.#set([point.codePointAt(0) as number, point.codePointAt(0) as number]);
    }
  }

  #set(set: CodePoints): Expression {
    return { kind: "set", set: common(this.#ignoresCase ? caseless(set) : set, ALL) };
  }

  #group(): Expression {
    if (this.#take("?")) {
      const rest = this.#rest(2);
      if (/^[=!]/.test(rest)) throw unsupported(this.#source, `lookahead, (?${rest[0]}…)`);
      if (/^<[=!]/.test(rest)) throw unsupported(this.#source, `lookbehind, (?${rest}…)`);
      const name = /^<[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*>/u.exec(this.#rest(200))?.[0];
      if (name !== undefined) this.#at += [...name].length;
      else if (!this.#take(":")) throw unsupported(this.#source, `flags within a group, (?${rest}…)`);
    }
    const inside = this.#choice();
    if (!this.#take(")")) throw this.#wrong("( is not closed");
    return inside;
  }

  #escape(): Expression {
    const letter = this.#peek();
    if (letter === "b" || letter === "B") throw unsupported(this.#source, `word boundaries, \\${letter}`);
    if (/^[1-9k]$/.test(letter)) throw unsupported(this.#source, `back-references, \\${letter}`);
    const set = this.#escaped();
    return this.#set(typeof set === "number" ? [set, set] : set);
  }

  /** What follows a backslash: a character, or a set of them. */
  #escaped(): number | CodePoints {
    const letter = this.#next();
    if (letter === "d") return DIGITS;
    if (letter === "D") return complement(DIGITS);
    if (letter === "w") return WORDS;
    if (letter === "W") return complement(WORDS);
    if (letter === "s") return SPACES;
    if (letter === "S") return complement(SPACES);
    if (letter === "p" || letter === "P") return this.#property(letter === "P");
    if (letter === "0" && !/^\d/.test(this.#peek())) return 0;
    if (letter === "c" && /^[A-Za-z]$/.test(this.#peek())) return this.#next().charCodeAt(0) % 32;
    if (letter === "x") return this.#hex(/^[0-9A-Fa-f]{2}/);
    if (letter === "u") return this.#unicode();
    const control = ownEntry(ESCAPED_CONTROLS, letter);
    if (control !== undefined) return control;
    if (/^[\^$\\.*+?()[\]{}|/-]$/.test(letter)) return letter.charCodeAt(0);
    throw this.#wrong(`\\${letter} is no escape`);
  }

  #hex(digits: RegExp): number {
    const found = digits.exec(this.#rest(12))?.[0];
    if (found === undefined) throw this.#wrong("hexadecimal digits are missing after a backslash");
    this.#at += found.length;
    return Number.parseInt(found.replace(/[{}]/g, ""), 16);
  }

  #unicode(): number {
    const code = this.#hex(/^(?:[0-9A-Fa-f]{4}|\{[0-9A-Fa-f]{1,6}\})/);
    const low = /^\\u(d[c-f][0-9a-f]{2})/i.exec(this.#rest(6))?.[1];
    if (code > 0x10ffff) throw this.#wrong("a code point is above 10FFFF");
    if (code < 0xd800 || code > 0xdbff || low === undefined) return code;
    this.#at += 6;
    return 0x10000 + ((code - 0xd800) << 10) + Number.parseInt(low, 16) - 0xdc00;
  }

  #property(isNegated: boolean): CodePoints {
    const found = /^\{[A-Za-z0-9_=]+\}/.exec(this.#rest(100))?.[0];
    const set = found === undefined ? undefined : property(found);
    if (found === undefined || set === undefined) throw this.#wrong(`\\p${found ?? ""} is no property of Unicode`);
    this.#at += found.length;
    return isNegated ? complement(set) : set;
  }

  /** A class in brackets, the first of them read. */
  #class(): CodePoints {
    const isNegated = this.#take("^");
    const ranges: number[] = [];
    while (!this.#take("]")) {
      const low = this.#member();
      const isRange = this.#peek() === "-" && this.#points[this.#at + 1] !== "]";
      if (!isRange) {
        ranges.push(...(typeof low === "number" ? [low, low] : low));
        continue;
      }
      this.#next();
      const high = this.#member();
      if (typeof low !== "number" || typeof high !== "number" || high < low)
        throw this.#wrong("a range in brackets is out of order, or has a set as its end");
      ranges.push(low, high);
    }
    const set = this.#ignoresCase ? caseless(normalized(ranges)) : normalized(ranges);
    return isNegated ? complement(set) : set;
  }

  #member(): number | CodePoints {
    if (this.#at >= this.#points.length) throw this.#wrong("[ is not closed");
    const point = this.#next();
    if (point !== "\\") return point.codePointAt(0) as number;
    if (this.#take("b")) return 8;
    return this.#take("-") ? 45 : this.#escaped();
  }

  #peek(): string {
    return this.#points[this.#at] ?? "";
  }

  #rest(length: number): string {
    return this.#points.slice(this.#at, this.#at + length).join("");
  }

  #next(): string {
    const point = this.#points[this.#at++];
    if (point === undefined) throw this.#wrong("it ends too early");
    return point;
  }

  #take(point: string): boolean {
    if (this.#peek() !== point) return false;
    this.#at++;
    return true;
  }

  #wrong(reason: string): LecternError {
    return new LecternError("usage", `${namedPattern(this.#source)} is no regular expression: ${reason}`);
  }
}

function unsupported(source: string, what: string): LecternError {
  return new LecternError(
    "unsupported",
    `${namedPattern(source)} uses ${what}, which no automaton can enforce; write it without`,
  );
}
