import { syntaxError, type Token, type TokenType, tokenize, type Whitespace } from "./lexer.ts";

/** Parts within parts; Python's own limits allow about 70. */
const MAX_DEPTH = 150;

/** The tokens of a template, read one after the other. */
export class TokenStream {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(template: string, whitespace?: Whitespace) {
    this.#tokens = tokenize(template, whitespace);
  }

  get current(): Token {
    return this.#tokens[this.#at] as Token;
  }

  get following(): Token {
    return this.#tokens[Math.min(this.#at + 1, this.#tokens.length - 1)] as Token;
  }

  next(): Token {
    const token = this.current;
    if (token.type !== "eof") this.#at++;
    return token;
  }

  is(type: TokenType, text?: string): boolean {
    const { current } = this;
    return current.type === type && (text === undefined || current.text === text);
  }

  isName = (text: string): boolean => this.is("name", text);
  isOperator = (text: string): boolean => this.is("operator", text);

  skip(type: TokenType, text: string): boolean {
    if (!this.is(type, text)) return false;
    this.next();
    return true;
  }

  expect(type: TokenType, text?: string): Token {
    if (this.is(type, text)) return this.next();
    const expected = text ?? DESCRIPTIONS[type] ?? type;
    if (this.is("eof")) throw this.fail(`unexpected end of template, expected '${expected}'.`);
    throw this.fail(`expected token '${expected}', got '${describeToken(this.current)}'`);
  }

  fail(message: string, line = this.current.line): Error {
    return syntaxError(message, line);
  }

  /** Reads a part that may hold others of its kind. */
  nested<T>(read: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw this.fail("the template is nested too deep");
    const result = read();
    this.#depth--;
    return result;
  }
}

const DESCRIPTIONS: Partial<Readonly<Record<TokenType, string>>> = {
  block_begin: "begin of statement block",
  block_end: "end of statement block",
  variable_begin: "begin of print statement",
  variable_end: "end of print statement",
  data: "template data / text",
  eof: "end of template",
};

export const describeToken = ({ type, text }: Token): string =>
  type === "name" || type === "operator" ? text : (DESCRIPTIONS[type] ?? type);
