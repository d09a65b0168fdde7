import type { Budget } from "./budget.ts";
import { type Dfa, explore } from "./dfa.ts";
import type { ByteRanges, CodePoints } from "./utf8.ts";

/** So many states of an expression, its repetitions written out, at most. */
const MOST_STATES = 200_000;

/** The states of an expression that all states of its deterministic automaton stand for together, at most. */
const MOST_TOGETHER = 2_000_000;

/** The ways to go on from a state without a byte: always, only at the start of the text, only at its end. */
type Silent = "always" | "at start" | "at end";

/** A shape of byte sequences: states from 1 on, 0 is its start, −1 its end. */
type Fragment = readonly (readonly (readonly [low: number, high: number, to: number])[])[];

/** An automaton with choices, as an expression is compiled to. */
export class Nfa {
  readonly #silent: { readonly how: Silent; readonly to: number }[][] = [];
  readonly #loud: (readonly [low: number, high: number, to: number])[][] = [];
  readonly #fragments = new Map<string, Fragment>();
  readonly #encode: (set: CodePoints) => ByteRanges[];
  readonly #budget: Budget;
  #together = 0;

  /** @param encode the encodings of characters */
  constructor(encode: (set: CodePoints) => ByteRanges[], budget: Budget) {
    this.#encode = encode;
    this.#budget = budget;
  }

  add(): number {
    if (this.#silent.length >= MOST_STATES)
      throw this.#budget.refuse(`the expression has more than ${MOST_STATES} states; lower its counts`);
    this.#budget.step();
    this.#loud.push([]);
    return this.#silent.push([]) - 1;
  }

  link(from: number, to: number, how: Silent = "always"): void {
    (this.#silent[from] as { how: Silent; to: number }[]).push({ how, to });
  }

  /** Adds one of a set of characters; the state after it. */
  character(from: number, set: CodePoints): number {
    const key = set.join();
    let fragment = this.#fragments.get(key);
    if (!fragment) {
      fragment = fragmentOf(this.#encode(set));
      this.#fragments.set(key, fragment);
    }
    const end = this.add();
    const states = fragment.map((_, i) => (i === 0 ? from : this.add()));
    for (const [i, moves] of fragment.entries())
      for (const [low, high, to] of moves)
        (this.#loud[states[i] as number] as [number, number, number][]).push([
          low,
          high,
          to < 0 ? end : (states[to] as number),
        ]);
    return end;
  }

  /** The deterministic automaton of the words that lead from a state to another. */
  toDfa(start: number, end: number): Dfa {
    const classes = this.#classes();
    const first = this.#close([start], true);
    return explore<readonly number[]>(
      {
        start: first,
        key: (states) => states.join(),
        step: (states, byte) => {
          const next: number[] = [];
          for (const state of states)
            if (state >= 0)
              for (const [low, high, to] of this.#loud[state] as [number, number, number][])
                if (byte >= low && byte <= high) next.push(to);
          return next.length === 0 ? undefined : this.#close(next, false);
        },
        accepts: (states) => states.includes(end) || states.includes(-1 - end),
        classes,
      },
      this.#budget,
    );
  }

  /** The states that silent moves reach; those beyond an end of text, where no byte may follow, as −1 − state. */
  #close(from: readonly number[], atStart: boolean): number[] {
    const found = new Set(from);
    this.#together += found.size;
    if (this.#together > MOST_TOGETHER)
      throw this.#budget.refuse(
        "the expression is too ambiguous for an automaton; lower its counts or its alternatives",
      );
    for (const state of found) {
      const isEnded = state < 0;
      for (const { how, to } of this.#silent[isEnded ? -1 - state : state] as { how: Silent; to: number }[]) {
        if (how === "at start" && !atStart) continue;
        found.add(isEnded || how === "at end" ? -1 - to : to);
      }
    }
    return [...found].sort((a, b) => a - b);
  }

  /** Bytes that no move tells apart, as neighbours. */
  #classes(): Uint8Array {
    const cuts = new Uint8Array(257);
    for (const moves of this.#loud) for (const [low, high] of moves) cuts[low] = cuts[high + 1] = 1;
    let one = 0;
    return new Uint8Array(256).map((_, byte) => (byte > 0 && cuts[byte] ? ++one : one));
  }
}

/** Shares the beginnings and the ends of byte sequences. */
function fragmentOf(sequences: readonly ByteRanges[]): Fragment {
  const states: (readonly (readonly [number, number, number])[])[] = [[]];
  const known = new Map<string, number>();
  const build = (rest: readonly ByteRanges[]): readonly (readonly [number, number, number])[] => {
    const groups = new Map<number, { low: number; high: number; tails: ByteRanges[] }>();
    for (const [head, ...tail] of rest) {
      const [low, high] = head as readonly [number, number];
      const key = low * 256 + high;
      const group = groups.get(key) ?? { low, high, tails: [] };
      group.tails.push(tail);
      groups.set(key, group);
    }
    return [...groups.values()].map(({ low, high, tails }) => {
      if (tails.some(({ length }) => length === 0)) return [low, high, -1] as const;
      const key = JSON.stringify(tails);
      let to = known.get(key);
      if (to === undefined) {
        to = states.push([]) - 1;
        known.set(key, to);
        states[to] = build(tails);
      }
      return [low, high, to] as const;
    });
  };
  states[0] = build(sequences);
  return states;
}
