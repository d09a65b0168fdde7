import type { Dfa } from "./dfa.ts";
import { isPlain } from "./lexer-run.ts";
import { BYTE_CLASSES, HIGHEST } from "./token-trie.ts";

/** No text leads to a dead state, however long it is. */
const UNBOUNDED = HIGHEST + 1;
const UNKNOWN = 255;

/** A search that comes to more states is broken off: longer texts are then walked through. */
const MOST_SEARCHED = 200;

const range = (first: number, last: number): readonly number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);
const ANY = range(0x80, 0xbf);

/** The bytes of plain characters, one after another. */
const PLAIN_CHARACTERS: readonly (readonly (readonly number[])[])[] = [
  [range(0x20, 0x7f).filter(isPlain)],
  [range(0xc2, 0xdf), ANY],
  [[0xe0], range(0xa0, 0xbf), ANY],
  [[...range(0xe1, 0xec), 0xee, 0xef], ANY, ANY],
  [[0xed], range(0x80, 0x9f), ANY],
  [[0xf0], range(0x90, 0xbf), ANY, ANY],
  [range(0xf1, 0xf3), ANY, ANY, ANY],
  [[0xf4], range(0x80, 0x8f), ANY, ANY],
];

/** The classes of the bytes of a character, one after another. */
type Path = readonly (readonly number[])[];

/** The lengths up to which every text of a set of characters is accepted from each state of an automaton. */
export class DfaReach {
  readonly #dfa: Dfa;
  /** `[states × kinds]`, and one more of each state for plain characters. */
  readonly #known: Uint8Array;
  readonly #paths: (readonly Path[] | undefined)[] = [];

  constructor(dfa: Dfa) {
    this.#dfa = dfa;
    this.#known = new Uint8Array(dfa.accepting.length * (BYTE_CLASSES.length + 1)).fill(UNKNOWN);
  }

  /** So many bytes of a kind of {@link BYTE_CLASSES} may follow a state, whatever they are. */
  of(state: number, kind: number): number {
    const place = state * (BYTE_CLASSES.length + 1) + kind;
    const known = this.#known[place] as number;
    if (known !== UNKNOWN) return known;
    const found = this.#search(state, this.#pathsOf(kind));
    this.#known[place] = found;
    return found;
  }

  /** So many plain characters may follow a state, whatever they are. */
  plain(state: number): number {
    const found = this.of(state, BYTE_CLASSES.length);
    return found === UNBOUNDED ? Number.POSITIVE_INFINITY : found;
  }

  #pathsOf(kind: number): readonly Path[] {
    const bytes = BYTE_CLASSES[kind];
    this.#paths[kind] ??= (bytes ? [[bytes]] : PLAIN_CHARACTERS).map((places) =>
      places.map((place) => [...new Set(place.map((byte) => this.#dfa.classes[byte] as number))]),
    );
    return this.#paths[kind];
  }

  #search(start: number, paths: readonly Path[]): number {
    const seen = new Set([start]);
    let level = [start];
    for (let length = 0; level.length > 0; length++) {
      if (length === HIGHEST || seen.size > MOST_SEARCHED) return length;
      const next = new Set<number>();
      for (const state of level) for (const path of paths) if (!this.#collect(state, path, 0, next)) return length;
      level = [...next].filter((state) => !seen.has(state));
      for (const state of level) seen.add(state);
    }
    return UNBOUNDED;
  }

  /** Adds the states after a character; false where there is none after one of them. */
  #collect(state: number, path: Path, place: number, into: Set<number>): boolean {
    const { table, width } = this.#dfa;
    const tried = new Set<number>();
    for (const one of path[place] as readonly number[]) {
      const to = table[state * width + one] as number;
      if (to < 0) return false;
      if (tried.has(to)) continue;
      tried.add(to);
      if (place + 1 === path.length) into.add(to);
      else if (!this.#collect(to, path, place + 1, into)) return false;
    }
    return true;
  }
}
