import type { Automaton, State } from "../../src/grammar/index.ts";

/** True if an automaton takes a text to its end. */
export function takes(automaton: Automaton, text: string): boolean {
  let state: State | null = automaton.start;
  for (const byte of new TextEncoder().encode(text)) {
    if (!state) return false;
    state = automaton.step(state, byte);
  }
  return state?.isComplete ?? false;
}
