import { countWords, type Dfa } from "./dfa.ts";
import { DfaReach } from "./dfa-reach.ts";
import type { Lexer } from "./grammar.ts";
import { type LexerRun, lexerId } from "./lexer-run.ts";
import { StringRun } from "./string-run.ts";

export function runLexer(lexer: Lexer): LexerRun {
  if (lexer.kind === "dfa") return new DfaRun(lexer.dfa);
  return lexer.kind === "literal"
    ? new LiteralRun(lexer.bytes, lexer.isSpaced)
    : new StringRun(lexer.least, lexer.most);
}

const SPACE = 0x20;

/** Fixed bytes. */
export class LiteralRun implements LexerRun {
  readonly id = lexerId();
  readonly start = 0;
  readonly #bytes: Uint8Array;
  readonly #isSpaced: boolean;

  constructor(bytes: Uint8Array, isSpaced: boolean) {
    this.#bytes = bytes;
    this.#isSpaced = isSpaced;
  }

  step(state: number, byte: number): number {
    if (state < this.#bytes.length) return this.#bytes[state] === byte ? state + 1 : -1;
    return this.#isSpaced && state === this.#bytes.length && byte === SPACE ? state + 1 : -1;
  }

  accepts(state: number): boolean {
    return state >= this.#bytes.length;
  }

  isOpen(state: number): boolean {
    return state < this.#bytes.length + Number(this.#isSpaced);
  }

  plain(): number {
    return 0;
  }
}

/** A deterministic automaton. */
export class DfaRun implements LexerRun {
  readonly id = lexerId();
  readonly start: number;
  readonly dfa: Dfa;
  readonly #isOpen: Uint8Array;
  #counts: Float64Array | undefined;
  #reach: DfaReach | undefined;

  constructor(dfa: Dfa) {
    this.dfa = dfa;
    this.start = dfa.start;
    this.#isOpen = new Uint8Array(dfa.accepting.length);
    for (let i = 0; i < dfa.table.length; i++)
      if ((dfa.table[i] as number) >= 0) this.#isOpen[Math.floor(i / dfa.width)] = 1;
  }

  step(state: number, byte: number): number {
    const { table, width, classes } = this.dfa;
    return table[state * width + (classes[byte] as number)] as number;
  }

  accepts(state: number): boolean {
    return this.dfa.accepting[state] === 1;
  }

  isOpen(state: number): boolean {
    return this.#isOpen[state] === 1;
  }

  plain(state: number): number {
    return this.reach.plain(state);
  }

  get reach(): DfaReach {
    this.#reach ??= new DfaReach(this.dfa);
    return this.#reach;
  }

  /** The number of words that end from a state on. */
  count(state: number): number {
    this.#counts ??= countWords(this.dfa);
    return this.#counts[state] as number;
  }
}
