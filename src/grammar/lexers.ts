import { countWords, type Dfa, step } from "./dfa.ts";
import type { Lexer } from "./grammar.ts";
import { isPlain, type LexerRun, lexerId } from "./lexer-run.ts";
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

/** The ranges of the bytes that may follow a byte that begins a character of several. */
function continuations(lead: number): readonly (readonly [low: number, high: number])[] {
  const any = [0x80, 0xbf] as const;
  if (lead < 0xe0) return [any];
  if (lead < 0xf0) return [lead === 0xe0 ? [0xa0, 0xbf] : lead === 0xed ? [0x80, 0x9f] : any, any];
  return [lead === 0xf0 ? [0x90, 0xbf] : lead === 0xf4 ? [0x80, 0x8f] : any, any, any];
}

/** Automata of more states are not looked through for states that take any plain character. */
const MOST_SEARCHED = 3000;

/** A deterministic automaton. */
export class DfaRun implements LexerRun {
  readonly id = lexerId();
  readonly start: number;
  readonly dfa: Dfa;
  readonly #isOpen: Uint8Array;
  #closed: Uint8Array | undefined;
  #counts: Float64Array | undefined;

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
    this.#closed ??= this.#findClosed();
    return this.#closed[state] === 1 ? Number.POSITIVE_INFINITY : 0;
  }

  /** The number of words that end from a state on. */
  count(state: number): number {
    this.#counts ??= countWords(this.dfa);
    return this.#counts[state] as number;
  }

  /** The largest set of states that plain characters do not lead out of. */
  #findClosed(): Uint8Array {
    const count = this.dfa.accepting.length;
    const closed = new Uint8Array(count);
    if (count > MOST_SEARCHED) return closed;
    for (let state = 0; state < count; state++) closed[state] = Number(this.#takesSamples(state));
    for (let changed = true; changed; ) {
      changed = false;
      for (let state = 0; state < count; state++)
        if (closed[state] && !this.#staysIn(closed, state)) {
          closed[state] = 0;
          changed = true;
        }
    }
    return closed;
  }

  /** A quick look before the long one. */
  #takesSamples(state: number): boolean {
    return [0x20, 0x21, 0x30, 0x41, 0x61, 0x7e, 0xc3, 0xe4, 0xf0].every((byte) => step(this.dfa, state, byte) >= 0);
  }

  #staysIn(closed: Uint8Array, state: number): boolean {
    const stays = (from: number, ranges: readonly (readonly [number, number])[]): boolean => {
      const [range, ...rest] = ranges;
      if (!range) return closed[from] === 1;
      const seen = new Set<number>();
      for (let byte = range[0]; byte <= range[1]; byte++) {
        const next = step(this.dfa, from, byte);
        if (next < 0) return false;
        if (seen.has(next)) continue;
        seen.add(next);
        if (!stays(next, rest)) return false;
      }
      return true;
    };
    for (let byte = 0x20; byte < 0x80; byte++) {
      if (!isPlain(byte)) continue;
      const next = step(this.dfa, state, byte);
      if (next < 0 || !closed[next]) return false;
    }
    for (let lead = 0xc2; lead <= 0xf4; lead++) {
      const next = step(this.dfa, state, lead);
      if (next < 0 || !stays(next, continuations(lead))) return false;
    }
    return true;
  }
}
