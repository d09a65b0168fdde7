import { LecternError, ownEntry } from "../common/index.ts";
import type { Pattern } from "./json.ts";

/** White space as Unicode has it, for use within a character class; JavaScript's `\s` differs at U+0085 and U+FEFF. */
export const WHITE_SPACE = "\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

const ONE_SPACE = new RegExp(`^[${WHITE_SPACE}]$`, "u");

export function isWhiteSpace(character: string | undefined): boolean {
  return character !== undefined && ONE_SPACE.test(character);
}

/** A global JavaScript pattern for one that Oniguruma reads. */
export function compilePattern(pattern: Pattern): RegExp {
  if ("String" in pattern) return new RegExp(escapeLiteral(pattern.String), "gv");
  try {
    return new RegExp(new Translation(pattern.Regex).translate(), "gv");
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new LecternError("unsupported", `tokenizer.json: the pattern ${pattern.Regex} cannot be read: ${reason}`, {
      cause,
    });
  }
}

function escapeLiteral(text: string): string {
  return text.replace(/[\^$\\.*+?()[\]{}|/&\-!#%,:;<=>@`~]/g, escapeOne);
}

function escapeOne(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

/** What short escapes stand for, as the inside of a class. */
const CLASSES: Readonly<Record<string, string>> = {
  s: WHITE_SPACE,
  d: "\\p{Nd}",
  w: "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\xb2\\xb3\\xb9\\xbc-\\xbe",
  h: "0-9a-fA-F",
};

const POSIX: Readonly<Record<string, string>> = {
  alpha: "\\p{Alphabetic}",
  digit: "\\p{Nd}",
  alnum: "\\p{Alphabetic}\\p{Nd}",
  space: WHITE_SPACE,
  upper: "\\p{Uppercase}",
  lower: "\\p{Lowercase}",
  punct: "\\p{P}$+<=>^`\\|~",
  cntrl: "\\p{Cc}",
};

const WORD = `[${CLASSES.w}]`;

/** What zero-width escapes stand for. */
const ASSERTIONS: Readonly<Record<string, string>> = {
  b: `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`,
  B: `(?:(?<=${WORD})(?=${WORD})|(?<!${WORD})(?!${WORD}))`,
  A: "(?<![^])",
  z: "(?![^])",
  Z: "(?=\\n?(?![^]))",
};

const SIMPLE_ESCAPES = /[nrtfv]/;

/** One pattern on its way from Oniguruma's language (Ruby's) to JavaScript's. */
class Translation {
  readonly #source: string;
  #at = 0;
  #atomic = 0;
  #ignoresCase = false;
  #dotAll = false;

  constructor(source: string) {
    this.#source = source;
  }

  translate(): string {
    const translated = this.#alternatives();
    if (this.#at < this.#source.length) throw new Error("a closing parenthesis too many");
    return translated;
  }

  /** Everything up to the end of the group. Options that are switched on inside end with it. */
  #alternatives(): string {
    const options = [this.#ignoresCase, this.#dotAll] as const;
    let written = "";
    while (this.#at < this.#source.length && this.#peek() !== ")") {
      if (this.#takes("|")) written += "|";
      else written += this.#quantified(this.#atom());
    }
    [this.#ignoresCase, this.#dotAll] = options;
    return written;
  }

  #atom(): string {
    const character = this.#next();
    if (character === "(") return this.#group();
    if (character === "[") return this.#class();
    if (character === ".") return this.#dotAll ? "[^]" : "[^\\n]";
    if (character === "^") return "(?<![^\\n])";
    if (character === "$") return "(?![^\\n])";
    if (character === "\\") return this.#escape();
    return this.#literal(character);
  }

  #literal(character: string): string {
    const variants = this.#variants(character);
    return variants.length === 1 ? escapeLiteral(character) : `[${variants.map(escapeLiteral).join("")}]`;
  }

  #variants(character: string): string[] {
    return this.#ignoresCase ? caseVariants(character) : [character];
  }

  /** A quantifier behind an atom; a possessive one becomes an atomic group. */
  #quantified(atom: string): string {
    const quantifier = /^(?:[*+?]|\{\d*,?\d*\})/.exec(this.#rest())?.[0];
    if (quantifier === undefined || quantifier === "{}" || quantifier === "{,}") return atom;
    this.#at += quantifier.length;
    const counted = quantifier.replace("{,", "{0,");
    if (this.#takes("?")) return `${atom}${counted}?`;
    if (!quantifier.startsWith("{") && this.#takes("+")) return this.#atomicGroup(`${atom}${counted}`);
    return `${atom}${counted}`;
  }

  #atomicGroup(inside: string): string {
    const name = `atomic${this.#atomic++}`;
    return `(?:(?=(?<${name}>${inside}))\\k<${name}>)`;
  }

  #group(): string {
    if (this.#takes("?#")) {
      while (this.#at < this.#source.length && this.#next() !== ")");
      return "";
    }
    for (const opening of ["?:", "?=", "?!", "?<=", "?<!"])
      if (this.#takes(opening)) return `(${opening}${this.#closed()})`;
    if (this.#takes("?>")) return this.#atomicGroup(this.#closed());
    if (!this.#takes("?")) return `(?:${this.#closed()})`;
    const options = /^([im]*)(?:-([im]*))?([:)])/.exec(this.#rest());
    if (!options) throw new Error(`(?${this.#rest().slice(0, 4)} is not supported`);
    this.#at += options[0].length;
    const before = [this.#ignoresCase, this.#dotAll] as const;
    this.#setOptions(options[1] ?? "", true);
    this.#setOptions(options[2] ?? "", false);
    if (options[3] === ")") return `(?:${this.#alternatives()})`;
    const inside = `(?:${this.#closed()})`;
    [this.#ignoresCase, this.#dotAll] = before;
    return inside;
  }

  #setOptions(letters: string, on: boolean): void {
    if (letters.includes("i")) this.#ignoresCase = on;
    if (letters.includes("m")) this.#dotAll = on;
  }

  #closed(): string {
    const inside = this.#alternatives();
    if (!this.#takes(")")) throw new Error("a parenthesis is not closed");
    return inside;
  }

  #escape(): string {
    const character = this.#next();
    const assertion = ownEntry(ASSERTIONS, character);
    if (assertion !== undefined) return assertion;
    return this.#classEscape(character) ?? this.#literal(this.#characterEscape(character));
  }

  /** An escape that stands for a set of characters, as a class. */
  #classEscape(character: string): string | undefined {
    const lower = character.toLowerCase();
    const inside = ownEntry(CLASSES, lower);
    if (inside !== undefined) return character === lower ? `[${inside}]` : `[^${inside}]`;
    return lower === "p" ? this.#property(character === "P") : undefined;
  }

  #characterEscape(character: string): string {
    const code = /^x\{([0-9a-fA-F]+)\}|^x([0-9a-fA-F]{1,2})|^u([0-9a-fA-F]{4})/.exec(character + this.#rest());
    if (code) {
      this.#at += code[0].length - 1;
      return String.fromCodePoint(Number.parseInt(code[1] ?? code[2] ?? code[3] ?? "", 16));
    }
    if (SIMPLE_ESCAPES.test(character)) return JSON.parse(`"\\${character === "v" ? "u000b" : character}"`) as string;
    if (character === "a") return "\x07";
    if (character === "e") return "\x1b";
    if (character === "0") return "\0";
    if (/[A-Za-z0-9]/.test(character)) throw new Error(`\\${character} is not supported`);
    return character;
  }

  #property(negated: boolean): string {
    const name = /^\{(\^?)([^}]+)\}|^([A-Z])/.exec(this.#rest());
    if (!name) throw new Error("\\p needs a name in braces");
    this.#at += name[0].length;
    const property = name[2] ?? name[3] ?? "";
    return `[${negated !== (name[1] === "^") ? "\\P" : "\\p"}{${knownProperty(property)}}]`;
  }

  /** The inside of a class, its opening bracket read. */
  #class(): string {
    const negated = this.#takes("^");
    const operands: string[] = [];
    let union = "";
    for (let first = true; ; first = false) {
      if (this.#at >= this.#source.length) throw new Error("a class is not closed");
      if (!first && this.#takes("]")) break;
      if (this.#takes("&&")) {
        operands.push(`[${union}]`);
        union = "";
      } else union += this.#classPart();
    }
    operands.push(operands.length > 0 ? `[${union}]` : union);
    return `[${negated ? "^" : ""}${operands.join("&&")}]`;
  }

  #classPart(): string {
    const posix = /^\[:(\^?)(\w+):\]/.exec(this.#rest());
    if (posix) {
      this.#at += posix[0].length;
      const inside = ownEntry(POSIX, posix[2]);
      if (inside === undefined) throw new Error(`${posix[0]} is not supported`);
      return `[${posix[1]}${inside}]`;
    }
    if (this.#takes("[")) return this.#class();
    const from = this.#classCharacter();
    if (from.length > 2) return from;
    if (this.#peek() !== "-" || this.#source[this.#at + 1] === "]")
      return this.#variants(from).map(escapeLiteral).join("");
    this.#at++;
    const to = this.#classCharacter();
    const range = `${escapeLiteral(from)}-${escapeLiteral(to)}`;
    if (!this.#ignoresCase || !/[a-zA-Z]/.test(from)) return range;
    return (
      range +
      `${escapeLiteral(from.toLowerCase())}-${escapeLiteral(to.toLowerCase())}` +
      `${escapeLiteral(from.toUpperCase())}-${escapeLiteral(to.toUpperCase())}`
    );
  }

  /** One character, or a set written as a class: the latter is longer than two units. */
  #classCharacter(): string {
    const character = this.#next();
    if (character !== "\\") return character;
    const escaped = this.#next();
    if (escaped === "b") return "\b";
    return this.#classEscape(escaped) ?? this.#characterEscape(escaped);
  }

  #peek(): string | undefined {
    return this.#source[this.#at];
  }

  #rest(): string {
    return this.#source.slice(this.#at);
  }

  #takes(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #next(): string {
    const code = this.#source.codePointAt(this.#at);
    if (code === undefined) throw new Error("it ends too early");
    const character = String.fromCodePoint(code);
    this.#at += character.length;
    return character;
  }
}

/** The same letter in both cases, and the two signs that fold to ASCII letters. */
function caseVariants(character: string): string[] {
  const variants = new Set([character, character.toLowerCase(), character.toUpperCase()]);
  if (variants.has("s")) variants.add("ſ");
  if (variants.has("k")) variants.add("\u212a");
  return [...variants].filter((variant) => [...variant].length === 1);
}

/** Scripts stand by their bare names in Oniguruma's language. */
function knownProperty(name: string): string {
  for (const property of [
    name,
    `Script=${name}`,
    ownEntry(POSIX, name.toLowerCase())?.replace(/^\\p\{(\w+)\}$/, "$1"),
  ]) {
    if (property === undefined) continue;
    try {
      new RegExp(`\\p{${property}}`, "v");
      return property;
    } catch {}
  }
  throw new Error(`\\p{${name}} is not supported`);
}
