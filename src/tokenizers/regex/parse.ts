import { ownEntry } from "../../common/index.ts";
import { CLASSES, caseVariants, escapeLiteral, knownProperty, POSIX } from "./classes.ts";
import { assertions, choice, type Mode, type Node, sequence } from "./syntax.ts";

const WORD = `[${CLASSES.w}]`;
const ASSERTIONS = assertions(WORD);
const SIMPLE_ESCAPES = /[nrtfv]/;

/** Groups within groups at most: more would exhaust the stack. */
const DEEPEST = 100;
/** The longest published pattern has a thousand characters. */
const LONGEST = 20_000;
/** Repetitions that can be counted; the same limit as Oniguruma's. */
const MOST_COUNTED = 100_000;

/** Reads a pattern in Oniguruma's language (Ruby's). */
export function parsePattern(source: string): Node {
  if (source.length > LONGEST) throw new Error(`it has ${source.length} characters, more than ${LONGEST}`);
  return new Parser(source).parse();
}

class Parser {
  readonly #source: string;
  #at = 0;
  #depth = 0;
  #ignoresCase = false;
  #dotAll = false;

  constructor(source: string) {
    this.#source = source;
  }

  parse(): Node {
    const parsed = this.#alternatives();
    if (this.#at < this.#source.length) throw new Error("a closing parenthesis too many");
    return parsed;
  }

  /** Everything up to the end of the group. Options that are switched on inside end with it. */
  #alternatives(): Node {
    if (++this.#depth > DEEPEST) throw new Error(`it has groups within more than ${DEEPEST} others`);
    const flags = [this.#ignoresCase, this.#dotAll] as const;
    const options: Node[] = [];
    let items: Node[] = [];
    while (this.#at < this.#source.length && this.#peek() !== ")") {
      if (this.#takes("|")) {
        options.push(sequence(items));
        items = [];
      } else items.push(this.#quantified(this.#atom()));
    }
    [this.#ignoresCase, this.#dotAll] = flags;
    this.#depth--;
    return choice([...options, sequence(items)]);
  }

  #atom(): Node {
    const character = this.#next();
    if (character === "(") return this.#group();
    if (character === "[") return { kind: "set", source: this.#class() };
    if (character === ".") return { kind: "set", source: this.#dotAll ? "[^]" : "[^\\n]" };
    if (character === "^" || character === "$") return ASSERTIONS[character] as Node;
    if (character === "\\") return this.#escape();
    return this.#literal(character);
  }

  #literal(character: string): Node {
    return { kind: "set", source: `[${this.#variants(character).map(escapeLiteral).join("")}]` };
  }

  #variants(character: string): string[] {
    return this.#ignoresCase ? caseVariants(character) : [character];
  }

  /** An atom with the quantifiers behind it: one may follow another. */
  #quantified(atom: Node): Node {
    let node = atom;
    for (let found = this.#quantifier(); found; found = this.#quantifier())
      node = { kind: "repeat", item: node, ...found };
    return node;
  }

  #quantifier(): { min: number; max: number; mode: Mode } | undefined {
    const [text, least, comma, most] = /^(?:[*+?]|\{(\d*)(,?)(\d*)\})/.exec(this.#rest()) ?? [];
    if (text === undefined || text === "{}" || text === "{,}") return undefined;
    this.#at += text.length;
    if (!text.startsWith("{")) {
      const [min, max] = text === "?" ? [0, 1] : [text === "+" ? 1 : 0, Number.POSITIVE_INFINITY];
      return { min, max, mode: this.#takes("?") ? "lazy" : this.#takes("+") ? "possessive" : "greedy" };
    }
    const min = least === "" ? 0 : Number(least);
    const max = comma === "" ? min : most === "" ? Number.POSITIVE_INFINITY : Number(most);
    if (min > MOST_COUNTED || (max !== Number.POSITIVE_INFINITY && max > MOST_COUNTED))
      throw new Error(`${text} counts further than ${MOST_COUNTED}`);
    if (min > max) throw new Error(`${text} is not supported`);
    return { min, max, mode: comma !== "" && this.#takes("?") ? "lazy" : "greedy" };
  }

  #group(): Node {
    if (this.#takes("?#")) {
      while (this.#at < this.#source.length && this.#next() !== ")");
      return sequence([]);
    }
    if (this.#takes("?:")) return this.#closed();
    for (const [opening, ahead, negated] of LOOKS)
      if (this.#takes(opening)) return { kind: "look", item: this.#closed(), ahead, negated };
    if (this.#takes("?>")) return { kind: "atomic", item: this.#closed() };
    const name = /^\?<[A-Za-z_]\w*>/.exec(this.#rest())?.[0];
    if (name !== undefined) this.#at += name.length;
    if (name !== undefined || !this.#takes("?")) return this.#closed();
    const flags = /^([im]*)(?:-([im]*))?([:)])/.exec(this.#rest());
    if (!flags) throw new Error(`(?${this.#rest().slice(0, 4)} is not supported`);
    this.#at += flags[0].length;
    const before = [this.#ignoresCase, this.#dotAll] as const;
    this.#setOptions(flags[1] ?? "", true);
    this.#setOptions(flags[2] ?? "", false);
    if (flags[3] === ")") return this.#alternatives();
    const inside = this.#closed();
    [this.#ignoresCase, this.#dotAll] = before;
    return inside;
  }

  #setOptions(letters: string, on: boolean): void {
    if (letters.includes("i")) this.#ignoresCase = on;
    if (letters.includes("m")) this.#dotAll = on;
  }

  #closed(): Node {
    const inside = this.#alternatives();
    if (!this.#takes(")")) throw new Error("a parenthesis is not closed");
    return inside;
  }

  #escape(): Node {
    const character = this.#next();
    if (Object.hasOwn(ASSERTIONS, `\\${character}`)) return ASSERTIONS[`\\${character}`] as Node;
    const source = this.#classEscape(character);
    return source === undefined ? this.#literal(this.#characterEscape(character)) : { kind: "set", source };
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
    if (++this.#depth > DEEPEST) throw new Error(`it has classes within more than ${DEEPEST} others`);
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
    this.#depth--;
    return `[${negated ? "^" : ""}${operands.join("&&")}]`;
  }

  #classPart(): string {
    const posix = /^\[:(\^?)(\w+):\]/.exec(this.#rest());
    if (posix) {
      this.#at += posix[0].length;
      const name = posix[2] ?? "";
      const inside = ownEntry(POSIX, name);
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

const LOOKS = [
  ["?=", true, false],
  ["?!", true, true],
  ["?<=", false, false],
  ["?<!", false, true],
] as const;
