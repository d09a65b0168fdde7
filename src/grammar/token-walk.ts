import type { Automaton, State, Thread } from "./automaton.ts";
import type { Dfa } from "./dfa.ts";
import type { DfaReach } from "./dfa-reach.ts";
import { DistinctRun, type UsedPrefix } from "./distinct-run.ts";
import type { LexerRun } from "./lexer-run.ts";
import { LONGEST, NO_CLASS, type TokenTexts, type TokenTrie } from "./token-trie.ts";

/** A search for the tokens of a tree that an automaton takes. */
export interface Walk {
  readonly trie: TokenTrie;
  /** The bytes of the tree's tokens, by their ids. */
  readonly texts: TokenTexts;
  readonly automaton: Automaton;
  /** `[V / 32]`: the tokens found, as bits. */
  readonly mask: Uint32Array;
}

/** Nodes of a tree, from the children of one on. */
interface Range {
  readonly from: number;
  readonly end: number;
}

/** Goes on below a node where a lexer has come to an end. */
type Below = (node: number, state: number) => void;

/** Threads behind so many ends are walked one by one, then all together, since their number may double at each end. */
const MOST_ENDS = 2;

/** The states of a lexer at each depth of the tree. A walk that begins at a node writes at larger depths only. */
const states = new Int32Array(LONGEST + 1);

/** Notes the tokens that a thread takes. */
export function walkThread(walk: Walk, thread: Thread): void {
  walkLexer(walk, thread, { from: 0, end: walk.trie.size }, 0);
}

function walkLexer(walk: Walk, thread: Thread, range: Range, ends: number): void {
  const { run, state } = thread;
  if (!run || range.from === range.end) return;
  const { depths, skips } = walk.trie;
  states[depths[range.from] as number] = state;
  const below: Below = (node, accepted) => {
    const inner = { from: node + 1, end: skips[node] as number };
    if (inner.from === inner.end) return;
    const threads = walk.automaton.behind(thread, accepted);
    if (ends < MOST_ENDS) for (const one of threads) walkLexer(walk, one, inner, ends + 1);
    else walkStates(walk, walk.automaton.join(threads), inner);
  };
  if (run instanceof DistinctRun) walkDistinct(walk, { run, state }, range, below);
  else walkWords(walk, run, range, below);
}

function walkWords(walk: Walk, run: LexerRun, range: Range, below: Below): void {
  if (run.dfa && run.reach) walkTable(walk, { dfa: run.dfa, reach: run.reach }, range, below);
  else walkRun(walk, run, range, below);
}

/** Notes the tokens of places of a tree. */
function note({ trie: { ids, places }, mask }: Walk, from: number, end: number): void {
  const last = places[end] as number;
  for (let place = places[from] as number; place < last; place++) {
    const id = ids[place] as number;
    mask[id >> 5] = (mask[id >> 5] as number) | (1 << (id & 31));
  }
}

/**
 * A walk with a lexer of words that are not yet in use: with that of all words where the bytes lead away from those in use.
 * States that keep their text, one for each text, are made only where the walk goes on behind a word.
 */
function walkDistinct(
  walk: Walk,
  { run, state }: { readonly run: DistinctRun; readonly state: number },
  range: Range,
  below: Below,
): void {
  const { bytes, depths, skips, ids, places } = walk.trie;
  const { words } = run;
  const first = depths[range.from] as number;
  const behind: Below = (node) => {
    if (node + 1 === skips[node]) return;
    const text = walk.texts[ids[places[node] as number] as number] as string;
    let after = state;
    for (let depth = first; depth <= (depths[node] as number); depth++) after = run.step(after, text.charCodeAt(depth));
    below(node, after);
  };
  const used: (UsedPrefix | undefined)[] = [];
  used[first] = run.used(state);
  states[first] = run.inner(state);
  if (!used[first]?.count) {
    walkWords(walk, words, range, behind);
    return;
  }
  for (let node = range.from; node < range.end; ) {
    const depth = depths[node] as number;
    const next = skips[node] as number;
    const prefix = used[depth]?.next.get(bytes[node] as number);
    if (!prefix) {
      walkWords(walk, words, { from: node, end: next }, behind);
      node = next;
      continue;
    }
    const to = words.step(states[depth] as number, bytes[node] as number);
    const isWord = words.accepts(to) && !prefix.isWhole;
    const isOpen = words.isOpen(to);
    if (!run.isLeft(to, prefix) || (!isWord && !isOpen)) {
      node = next;
      continue;
    }
    note(walk, node, node + 1);
    if (isWord) behind(node, to);
    states[depth + 1] = to;
    used[depth + 1] = prefix;
    node = isOpen ? node + 1 : next;
  }
}

/** A walk with a lexer that counts. */
function walkRun(walk: Walk, run: LexerRun, { from, end }: Range, below: Below): void {
  const { bytes, depths, skips } = walk.trie;
  for (let node = from; node < end; ) {
    const depth = depths[node] as number;
    const to = run.step(states[depth] as number, bytes[node] as number);
    if (to < 0) {
      node = skips[node] as number;
      continue;
    }
    note(walk, node, node + 1);
    if (run.accepts(to)) below(node, to);
    if (run.isOpen(to)) {
      states[depth + 1] = to;
      node++;
    } else node = skips[node] as number;
  }
}

/** A walk with the table of an automaton, past subtrees that it takes whole. */
function walkTable(
  walk: Walk,
  { dfa, reach }: { readonly dfa: Dfa; readonly reach: DfaReach },
  { from, end }: Range,
  below: Below,
): void {
  const { bytes, depths, skips, kinds, heights } = walk.trie;
  const { table, width, classes, accepting } = dfa;
  for (let node = from; node < end; ) {
    const depth = depths[node] as number;
    const to = table[(states[depth] as number) * width + (classes[bytes[node] as number] as number)] as number;
    const next = skips[node] as number;
    if (to < 0) {
      node = next;
      continue;
    }
    const kind = kinds[node] as number;
    if (kind !== NO_CLASS && reach.of(to, kind) >= (heights[node] as number)) {
      note(walk, node, next);
      node = next;
      continue;
    }
    note(walk, node, node + 1);
    if (accepting[to] === 1) below(node, to);
    states[depth + 1] = to;
    node++;
  }
}

/** A walk with all threads together, whose states are kept. */
function walkStates(walk: Walk, start: State, { from, end }: Range): void {
  const { bytes, depths, skips } = walk.trie;
  const reached: State[] = [];
  reached[depths[from] as number] = start;
  for (let node = from; node < end; ) {
    const depth = depths[node] as number;
    const to = walk.automaton.step(reached[depth] as State, bytes[node] as number);
    if (to === null) {
      node = skips[node] as number;
      continue;
    }
    reached[depth + 1] = to;
    note(walk, node, node + 1);
    node++;
  }
}
