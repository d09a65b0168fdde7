import type { Budget } from "./budget.ts";
import { type Dfa, explore } from "./dfa.ts";
import { type Expression, ExpressionParser } from "./expression.ts";
import { Nfa } from "./nfa.ts";
import { ALL, jsonSequences, utf8Sequences } from "./utf8.ts";

const QUOTE = 0x22;

/** The form in which an automaton reads text: plain UTF-8, or a string of JSON with its quotation marks. */
export type Form = "text" | "json";

/**
 * The automaton of the texts that a regular expression matches.
 * @param isWhole true if the expression must match the text from its first character to its last
 * @throws LecternError for an expression that is none, has a look-around, a back-reference or a word boundary, or is too large
 */
export function patternDfa(
  source: string,
  form: Form,
  budget: Budget,
  { isWhole = false, ignoresCase = false }: { isWhole?: boolean; ignoresCase?: boolean } = {},
): Dfa {
  const expression = new ExpressionParser(source, ignoresCase).parse();
  const nfa = new Nfa(form === "json" ? jsonSequences : utf8Sequences, budget);
  const inside = nfa.add();
  const anything = (state: number): void => nfa.link(nfa.character(state, ALL), state);
  if (!isWhole) anything(inside);
  const begin = nfa.add();
  nfa.link(inside, begin);
  const matched = add(nfa, begin, expression);
  const end = nfa.add();
  nfa.link(matched, end);
  if (!isWhole) anything(end);
  const words = nfa.toDfa(inside, end); // without quotation marks, since anchors hold inside of them
  return form === "json" ? quoted(words, budget) : words;
}

/** Adds an expression after a state; the state after it. */
function add(nfa: Nfa, from: number, expression: Expression): number {
  switch (expression.kind) {
    case "set":
      return nfa.character(from, expression.set);
    case "sequence":
      return expression.parts.reduce((state, part) => add(nfa, state, part), from);
    case "choice": {
      const end = nfa.add();
      for (const part of expression.parts) {
        const begin = nfa.add();
        nfa.link(from, begin);
        nfa.link(add(nfa, begin, part), end);
      }
      return end;
    }
    case "repeat":
      return repeat(nfa, from, expression);
    case "start":
    case "end": {
      const end = nfa.add();
      nfa.link(from, end, expression.kind === "start" ? "at start" : "at end");
      return end;
    }
  }
}

function repeat(nfa: Nfa, from: number, { part, least, most }: Expression & { kind: "repeat" }): number {
  let state = from;
  for (let i = 0; i < least; i++) state = add(nfa, state, part);
  if (most === Number.POSITIVE_INFINITY) {
    const loop = nfa.add();
    nfa.link(state, loop);
    nfa.link(add(nfa, loop, part), loop);
    return loop;
  }
  const end = nfa.add();
  nfa.link(state, end);
  for (let i = least; i < most; i++) {
    const begin = nfa.add();
    nfa.link(state, begin);
    state = add(nfa, begin, part);
    nfa.link(state, end);
  }
  return end;
}

/** The same words between quotation marks. */
function quoted(words: Dfa, budget: Budget): Dfa {
  const classes = words.classes.slice();
  if (words.classes.some((one, byte) => byte !== QUOTE && one === words.classes[QUOTE])) {
    classes[QUOTE] = 1 + words.classes.reduce((most, one) => Math.max(most, one), 0);
  }
  return explore<number>(
    {
      start: -1,
      key: (state) => state,
      step: (state, byte) => {
        if (state === -1) return byte === QUOTE && words.start >= 0 ? words.start : undefined;
        if (state === -2) return undefined;
        if (byte === QUOTE && words.accepting[state]) return -2; // elsewhere it is part of an escape
        const next = words.table[state * words.width + (words.classes[byte] as number)] as number;
        return next < 0 ? undefined : next;
      },
      accepts: (state) => state === -2,
      classes,
    },
    budget,
  );
}
