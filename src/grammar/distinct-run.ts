import { type LexerRun, lexerId } from "./lexer-run.ts";
import type { DfaRun } from "./lexers.ts";

/** Texts, as Latin-1, that are in use: keys of an object, or items of an array. */
export interface UsedTexts {
  readonly id: number;
  readonly texts: readonly string[];
}

/** A prefix of used texts, and how many of them begin with it. */
interface UsedPrefix {
  readonly next: Map<number, UsedPrefix>;
  count: number;
  isWhole: boolean;
}

/** A state: that of the automaton, and the bytes that led to it, as a chain. */
interface Node {
  readonly inner: number;
  readonly byte: number;
  readonly before: number;
  readonly used: UsedPrefix | undefined;
  readonly next: Map<number, number>;
}

/** The words of an automaton that are not yet in use. */
export class DistinctRun implements LexerRun {
  readonly id = lexerId();
  readonly start: number;
  readonly #run: LexerRun & Partial<Pick<DfaRun, "count">>;
  readonly #nodes: Node[] = [];

  constructor(run: LexerRun & Partial<Pick<DfaRun, "count">>, used: UsedTexts) {
    this.#run = run;
    const root: UsedPrefix = { next: new Map(), count: 0, isWhole: false };
    for (const text of used.texts) if (isWord(run, text)) add(root, text);
    const isLeft = this.#isLeft(run.start, root);
    this.start = isLeft ? this.#add({ inner: run.start, byte: -1, before: -1, used: root, next: new Map() }) : -1;
  }

  step(state: number, byte: number): number {
    const node = this.#nodes[state] as Node;
    const known = node.next.get(byte);
    if (known !== undefined) return known;
    const inner = this.#run.step(node.inner, byte);
    const used = node.used?.next.get(byte);
    const next =
      inner < 0 || !this.#isLeft(inner, used) ? -1 : this.#add({ inner, byte, before: state, used, next: new Map() });
    node.next.set(byte, next);
    return next;
  }

  accepts(state: number): boolean {
    const { inner, used } = this.#nodes[state] as Node;
    return this.#run.accepts(inner) && !used?.isWhole;
  }

  isOpen(state: number): boolean {
    return this.#run.isOpen((this.#nodes[state] as Node).inner);
  }

  plain(state: number): number {
    return this.#run.plain((this.#nodes[state] as Node).inner);
  }

  text(state: number): string {
    const bytes: string[] = [];
    for (let node = this.#nodes[state] as Node; node.before >= 0; node = this.#nodes[node.before] as Node)
      bytes.push(String.fromCharCode(node.byte));
    return bytes.reverse().join("");
  }

  #add(node: Node): number {
    return this.#nodes.push(node) - 1;
  }

  /** True if a word that is not in use goes on from here. */
  #isLeft(inner: number, used: UsedPrefix | undefined): boolean {
    if (inner < 0) return false;
    return used === undefined || this.#run.count === undefined || this.#run.count(inner) > used.count;
  }
}

function isWord(run: LexerRun, text: string): boolean {
  let state = run.start;
  for (let i = 0; i < text.length && state >= 0; i++) state = run.step(state, text.charCodeAt(i));
  return state >= 0 && run.accepts(state);
}

function add(root: UsedPrefix, text: string): void {
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
