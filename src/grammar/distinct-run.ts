import { type LexerRun, lexerId } from "./lexer-run.ts";
import type { DfaRun } from "./lexers.ts";

/** Texts that are in use, keys of an object or items of an array: the last of them, and those before it. */
export interface UsedTexts {
  readonly id: number;
  readonly count: number;
  /** As Latin-1; undefined where none is in use. */
  readonly text?: string;
  readonly before?: UsedTexts;
}

/** A prefix of used texts, and how many of them begin with it. */
export interface UsedPrefix {
  readonly next: ReadonlyMap<number, UsedPrefix>;
  readonly count: number;
  readonly isWhole: boolean;
}

interface OpenPrefix extends UsedPrefix {
  readonly next: Map<number, OpenPrefix>;
  count: number;
  isWhole: boolean;
}

/** The words of an automaton that are not yet in use. A state is a text: the state before it, and its last byte. */
export class DistinctRun implements LexerRun {
  readonly id = lexerId();
  readonly start: number;
  /** The lexer of all words, in use or not. */
  readonly words: LexerRun & Partial<Pick<DfaRun, "count">>;
  /** `[states]`: the state of the automaton. */
  readonly #inner: number[] = [];
  /** `[states]`: the last byte and the state before it, as a number; −1 at the start. */
  readonly #moves: number[] = [];
  /** `[states]`: the used texts that begin so. */
  readonly #used: (UsedPrefix | undefined)[] = [];
  /** The state after each move, −1 for none. */
  readonly #next = new Map<number, number>();

  constructor(run: LexerRun & Partial<Pick<DfaRun, "count">>, used: UsedTexts) {
    this.words = run;
    const root: OpenPrefix = { next: new Map(), count: 0, isWhole: false };
    for (let one: UsedTexts | undefined = used; one; one = one.before)
      if (one.text !== undefined && isWord(run, one.text)) add(root, one.text);
    this.start = this.isLeft(run.start, root) ? this.#add(run.start, -1, root) : -1;
  }

  step(state: number, byte: number): number {
    const inner = this.words.step(this.#inner[state] as number, byte);
    if (inner < 0) return -1;
    const move = state * 256 + byte;
    let next = this.#next.get(move);
    if (next === undefined) {
      const used = this.#used[state]?.next.get(byte);
      next = this.isLeft(inner, used) ? this.#add(inner, move, used) : -1;
      this.#next.set(move, next);
    }
    return next;
  }

  accepts(state: number): boolean {
    return this.words.accepts(this.#inner[state] as number) && !this.#used[state]?.isWhole;
  }

  isOpen(state: number): boolean {
    return this.words.isOpen(this.#inner[state] as number);
  }

  plain(state: number): number {
    return this.words.plain(this.#inner[state] as number);
  }

  /** The state of the lexer of all words. */
  inner(state: number): number {
    return this.#inner[state] as number;
  }

  /** The used texts that begin as the text so far; undefined for none. */
  used(state: number): UsedPrefix | undefined {
    return this.#used[state];
  }

  text(state: number): string {
    const bytes: number[] = [];
    for (let move = this.#moves[state] as number; move >= 0; move = this.#moves[Math.floor(move / 256)] as number)
      bytes.push(move % 256);
    return String.fromCharCode(...bytes.reverse());
  }

  #add(inner: number, move: number, used: UsedPrefix | undefined): number {
    this.#inner.push(inner);
    this.#used.push(used);
    return this.#moves.push(move) - 1;
  }

  /** True if a word that is not in use goes on from here. */
  isLeft(inner: number, used: UsedPrefix | undefined): boolean {
    if (inner < 0) return false;
    return !used?.count || this.words.count === undefined || this.words.count(inner) > used.count;
  }
}

function isWord(run: LexerRun, text: string): boolean {
  let state = run.start;
  for (let i = 0; i < text.length && state >= 0; i++) state = run.step(state, text.charCodeAt(i));
  return state >= 0 && run.accepts(state);
}

function add(root: OpenPrefix, text: string): void {
  let node = root;
  node.count++;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    let next = node.next.get(unit);
    if (!next) {
      next = { next: new Map(), count: 0, isWhole: false };
      node.next.set(unit, next);
    }
    node = next;
    node.count++;
  }
  node.isWhole = true;
}
