import type { Automaton, State } from "./automaton.ts";
import { practise } from "./practice.ts";
import { buildTrie, plainLength, type TokenTexts, type TokenTrie, textOrder } from "./token-trie.ts";
import { walkThread } from "./token-walk.ts";
import { type CodePoints, normalized } from "./utf8.ts";

/** Tokens of whole plain characters, up to a number of them, as a mask; and the tree of all other tokens. */
interface Slice {
  readonly most: number;
  readonly mask: Uint32Array;
  readonly rest: TokenTrie;
}

/** The lengths of plain tokens for which masks are kept. */
const LENGTHS = [4, 8, 16, Number.POSITIVE_INFINITY];

/** The tokens of a tokenizer by their bytes. */
export class Vocabulary {
  /** The number of token ids. */
  readonly size: number;
  readonly #texts: TokenTexts;
  readonly #firstTexts: TokenTexts;
  readonly #inside: TokenTrie;
  readonly #first: TokenTrie;
  readonly #slices: readonly Slice[];

  /**
   * @param texts the bytes of tokens after other tokens
   * @param firstTexts those of the first token of a text, where they differ
   */
  constructor(texts: TokenTexts, firstTexts: TokenTexts = texts) {
    this.size = texts.length;
    this.#texts = texts;
    const order = textOrder(texts);
    this.#inside = buildTrie(texts, order);
    this.#first = firstTexts === texts ? this.#inside : buildTrie(firstTexts, textOrder(firstTexts));
    this.#firstTexts = firstTexts;
    const lengths = order.map((id) => plainLength(texts[id] as string));
    this.#slices = LENGTHS.map((most) => {
      const isIn = (i: number): boolean => (lengths[i] ?? Number.NaN) <= most;
      const mask = new Uint32Array(Math.ceil(this.size / 32));
      for (const [i, id] of order.entries()) if (isIn(i)) mask[id >> 5] = (mask[id >> 5] as number) | (1 << (id & 31));
      return {
        most,
        mask,
        rest: buildTrie(
          texts,
          order.filter((_, i) => !isIn(i)),
        ),
      };
    });
    practise((automaton, state) => this.mask(automaton, state, false));
  }

  /** The bytes of a token as Latin-1. */
  text(id: number, isFirst = false): string | undefined {
    return (isFirst ? this.#firstTexts : this.#texts)[id];
  }

  /** The characters that tokens spell alone; undefined where tokens spell every byte. */
  alphabet(): CodePoints | undefined {
    const bytes = new Set(this.#texts.filter((text) => text?.length === 1));
    const isNeeded = (byte: number): boolean => byte < 0xc0 || (byte >= 0xc2 && byte < 0xf5);
    if (
      Array.from({ length: 256 }, (_, byte) => byte).every(
        (byte) => !isNeeded(byte) || bytes.has(String.fromCharCode(byte)),
      )
    )
      return undefined;
    const decoder = new TextDecoder();
    const ranges: number[] = [];
    for (const text of this.#texts) {
      if (text === undefined || text.length === 0 || text.length > 4) continue;
      const read = decoder.decode(Uint8Array.from(text, (unit) => unit.charCodeAt(0)));
      const code = read.codePointAt(0) as number;
      if (read !== "\uFFFD" && [...read].length === 1) ranges.push(code, code);
    }
    return normalized(ranges);
  }

  /**
   * The tokens that may follow a state, as bits `[V / 32]`.
   * @param isFirst true for the first token of a text
   */
  mask(automaton: Automaton, state: State, isFirst: boolean): Uint32Array {
    if (!isFirst && state.mask) return state.mask;
    const plain = isFirst ? 0 : automaton.plain(state);
    const slice = this.#slices.findLast(({ most }) => most <= plain);
    const mask = slice ? slice.mask.slice() : new Uint32Array(Math.ceil(this.size / 32));
    const trie = isFirst ? this.#first : (slice?.rest ?? this.#inside);
    const texts = isFirst ? this.#firstTexts : this.#texts;
    for (const thread of state.threads) walkThread({ trie, texts, automaton, mask }, thread);
    if (!isFirst) automaton.keepMask(state, mask);
    return mask;
  }
}
