import type { Dfa } from "./dfa.ts";
import type { DfaReach } from "./dfa-reach.ts";

/** A lexer at work. States are whole numbers from 0; −1 is dead. */
export interface LexerRun {
  readonly id: number;
  readonly start: number;
  /** The automaton whose states those of the lexer are, where there is one, and how far its states reach. */
  readonly dfa?: Dfa;
  readonly reach?: DfaReach;
  step(state: number, byte: number): number;
  /** True if the bytes so far are a whole text. */
  accepts(state: number): boolean;
  /** True if more bytes may follow. */
  isOpen(state: number): boolean;
  /** So many plain characters may follow, whatever they are; see `isPlain`. */
  plain(state: number): number;
  /** The bytes so far, as Latin-1, of a lexer that keeps them. */
  text?(state: number): string;
}

/** True for ASCII bytes that a string of JSON has without an escape, and all bytes of other characters. */
export function isPlain(byte: number): boolean {
  return byte >= 0x20 && byte !== 0x22 && byte !== 0x5c;
}

let ids = 0;

/** A number that no other lexer has. */
export function lexerId(): number {
  return ids++;
}
