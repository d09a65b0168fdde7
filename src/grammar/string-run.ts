import type { LexerRun } from "./lexer-run.ts";
import { lexerId } from "./lexer-run.ts";

const [QUOTE, BACKSLASH] = [0x22, 0x5c];

/** The places within a character of a string, each with what may follow: ranges of bytes and the place after them. */
const BETWEEN = 0;
const BEFORE = 1;
const BEHIND = 2;
const ESCAPE = 3;
const PLACES = 16;

type Moves = readonly (readonly [low: number, high: number, to: number])[];

/** The moves within characters, as JSON writes them in one way. */
const moves: readonly Moves[] = [
  [
    [0x20, 0x21, BETWEEN],
    [0x23, 0x5b, BETWEEN],
    [0x5d, 0x7f, BETWEEN],
    [0xc2, 0xdf, 4],
    [0xe0, 0xe0, 7],
    [0xe1, 0xec, 5],
    [0xed, 0xed, 8],
    [0xee, 0xef, 5],
    [0xf0, 0xf0, 9],
    [0xf1, 0xf3, 6],
    [0xf4, 0xf4, 10],
    [BACKSLASH, BACKSLASH, ESCAPE],
  ],
  [[QUOTE, QUOTE, BETWEEN]],
  [],
  [
    ...[...'bfnrt\\"'].map((letter) => [letter.charCodeAt(0), letter.charCodeAt(0), BETWEEN] as const),
    [0x75, 0x75, 11],
  ],
  [[0x80, 0xbf, BETWEEN]],
  [[0x80, 0xbf, 4]],
  [[0x80, 0xbf, 5]],
  [[0xa0, 0xbf, 4]],
  [[0x80, 0x9f, 4]],
  [[0x90, 0xbf, 5]],
  [[0x80, 0x8f, 5]],
  [[0x30, 0x30, 12]],
  [[0x30, 0x30, 13]],
  [
    [0x30, 0x30, 14],
    [0x31, 0x31, 15],
  ],
  // \u0000 to \u001f without those that have a letter: \b, \t, \n, \f and \r
  [
    [0x30, 0x37, BETWEEN],
    [0x62, 0x62, BETWEEN],
    [0x65, 0x66, BETWEEN],
  ],
  [
    [0x30, 0x39, BETWEEN],
    [0x61, 0x66, BETWEEN],
  ],
];

const table = new Int8Array(PLACES * 256).fill(-1);
for (const [place, list] of moves.entries())
  for (const [low, high, to] of list) table.fill(to, place * 256 + low, place * 256 + high + 1);

/** A string of JSON of a number of code points. A state is 16 × the characters begun, plus the place within one. */
export class StringRun implements LexerRun {
  readonly id = lexerId();
  readonly start = BEFORE;
  readonly #least: number;
  readonly #most: number;
  /** Beyond this, characters are not counted. */
  readonly #top: number;

  constructor(least: number, most: number) {
    this.#least = least;
    this.#most = most;
    this.#top = most === Number.POSITIVE_INFINITY ? least : most;
  }

  step(state: number, byte: number): number {
    const place = state % PLACES;
    const count = (state - place) / PLACES;
    if (place === BETWEEN && byte === QUOTE) return count >= this.#least ? state + BEHIND : -1;
    const to = table[place * 256 + byte] as number;
    if (to < 0) return -1;
    if (place !== BETWEEN) return state - place + to;
    if (count === this.#most) return -1;
    return Math.min(this.#top, count + 1) * PLACES + to;
  }

  accepts(state: number): boolean {
    return state % PLACES === BEHIND;
  }

  isOpen(state: number): boolean {
    return state % PLACES !== BEHIND;
  }

  plain(state: number): number {
    const place = state % PLACES;
    if (place !== BETWEEN) return 0;
    return this.#most === Number.POSITIVE_INFINITY ? this.#most : this.#most - state / PLACES;
  }
}
