import { Automaton, type State } from "./automaton.ts";
import { type Dfa, MANY } from "./dfa.ts";
import type { Grammar } from "./grammar.ts";

/** Characters of a range, at least one. */
function repeated(first: string, last: string): Dfa {
  const [low, high] = [first.charCodeAt(0), last.charCodeAt(0)];
  const classes = Uint8Array.from({ length: 256 }, (_, byte) => Number(byte >= low && byte <= high));
  return { start: 0, accepting: Uint8Array.of(0, 1), classes, width: 2, table: Int32Array.of(-1, 1, -1, 1) };
}

/** Characters of a range between quotation marks. */
function quoted(first: string, last: string): Dfa {
  const { classes } = repeated(first, last);
  classes[0x22] = 2;
  const table = Int32Array.of(-1, -1, 1, -1, 1, 2, -1, -1, -1);
  return { start: 0, accepting: Uint8Array.of(0, 0, 1), classes, width: 3, table };
}

/** Values of each kind that grammars have: strings, texts of automata, objects and arrays. */
const grammar: Grammar = {
  lexers: [
    { kind: "string", least: 0, most: Number.POSITIVE_INFINITY },
    { kind: "string", least: 0, most: 20 },
    { kind: "dfa", dfa: repeated("0", "9") },
    { kind: "dfa", dfa: repeated("a", "z") },
    { kind: "dfa", dfa: quoted("a", "z") },
    { kind: "literal", bytes: Uint8Array.from('"a":', (one) => one.charCodeAt(0)), isSpaced: true },
  ],
  nodes: [
    [
      ...[0, 1, 2, 3].map((lexer) => ({ kind: "lexer", lexer }) as const),
      {
        kind: "object",
        named: [{ key: 5, value: 0, isRequired: false }],
        extras: [0, 4].map((key) => ({ key, value: 0, supply: MANY })),
        musts: [],
        least: 0,
        most: MANY,
      },
      { kind: "array", prefix: [], rest: [{ value: 0, counts: 0 }], least: 0, most: MANY, contains: [] },
    ],
  ],
  root: 0,
};

const text = '[12,word,"x y",{"a":1,"b":["c"],"de":{"f":"g"}},34]';
const ROUNDS = 5;

/** Has the engine compile the search for tokens before the first request waits for it, which takes ten times as long. */
export function practise(search: (automaton: Automaton, state: State) => void): void {
  for (let round = 0; round < ROUNDS; round++) {
    const automaton = new Automaton(grammar);
    let state: State | null = automaton.start;
    for (let i = 0; state; i++) {
      search(automaton, state);
      state = i < text.length ? automaton.step(state, text.charCodeAt(i)) : null;
    }
  }
}
