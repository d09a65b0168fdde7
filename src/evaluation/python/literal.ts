import { ownEntry } from "../../common/index.ts";

/** A literal of Python. */
export type Literal = null | boolean | number | string | readonly Literal[] | ReadonlyMap<Literal, Literal>;

const SIMPLE: Readonly<Record<string, string>> = {
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
};

/** The value of a literal's text, as Python's `ast.literal_eval` reads it; undefined where it is none. */
export function parseLiteral(text: string): Literal | undefined {
  const reader = new LiteralReader(text.trim());
  try {
    const value = reader.value();
    return reader.isAtEnd ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

class LiteralReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    this.#skipSpace();
    return this.#at === this.#text.length;
  }

  value(): Literal {
    this.#skipSpace();
    const first = this.#text[this.#at];
    if (first === "[") return this.#list("[", "]").items;
    if (first === "(") {
      const { items, hasComma } = this.#list("(", ")");
      return items.length === 1 && !hasComma ? (items[0] as Literal) : items;
    }
    if (first === "{") return this.#dict();
    if (first === "'" || first === '"') return this.#strings();
    return this.#word();
  }

  #skipSpace(): void {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
  }

  #take(text: string): boolean {
    this.#skipSpace();
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw new SyntaxError(`expected ${text}`);
  }

  #list(open: string, close: string): { readonly items: Literal[]; readonly hasComma: boolean } {
    this.#expect(open);
    const items: Literal[] = [];
    let hasComma = false;
    while (!this.#take(close)) {
      if (items.length > 0) {
        this.#expect(",");
        hasComma = true;
        if (this.#take(close)) break;
      }
      items.push(this.value());
    }
    return { items, hasComma };
  }

  #dict(): ReadonlyMap<Literal, Literal> {
    this.#expect("{");
    const entries = new Map<Literal, Literal>();
    while (!this.#take("}")) {
      if (entries.size > 0) {
        this.#expect(",");
        if (this.#take("}")) break;
      }
      const key = this.value();
      this.#expect(":");
      entries.set(key, this.value());
    }
    return entries;
  }

  /** Strings side by side are one. */
  #strings(): string {
    let all = "";
    for (this.#skipSpace(); /['"]/.test(this.#text[this.#at] ?? ""); this.#skipSpace()) all += this.#string();
    return all;
  }

  #string(): string {
    const mark = this.#text[this.#at++] as string;
    let value = "";
    for (;;) {
      const next = this.#text[this.#at++];
      if (next === undefined || next === "\n") throw new SyntaxError("a string does not end");
      if (next === mark) return value;
      value += next === "\\" ? this.#escape() : next;
    }
  }

  #escape(): string {
    const kind = this.#text[this.#at++] ?? "";
    const simple = ownEntry(SIMPLE, kind);
    if (simple !== undefined) return simple;
    const lengths: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
    const digits = /^[0-7]{1,3}/.exec(this.#text.slice(this.#at - 1))?.[0];
    if (digits !== undefined) {
      this.#at += digits.length - 1;
      return String.fromCodePoint(Number.parseInt(digits, 8));
    }
    const length = ownEntry(lengths, kind);
    if (length === undefined) return `\\${kind}`;
    const hex = this.#text.slice(this.#at, this.#at + length);
    if (!/^[\da-fA-F]+$/.test(hex) || hex.length < length) throw new SyntaxError("a broken escape");
    this.#at += length;
    return String.fromCodePoint(Number.parseInt(hex, 16));
  }

  #word(): Literal {
    const found = /^[-+\w.]+/.exec(this.#text.slice(this.#at))?.[0] ?? "";
    this.#at += found.length;
    if (found === "None") return null;
    if (found === "True" || found === "False") return found === "True";
    if (!/^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(found)) throw new SyntaxError("no literal");
    return Number(found);
  }
}
