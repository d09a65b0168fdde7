import type { Dfa } from "./dfa.ts";

const MOST_KEPT = 200;
const LARGEST = 5000;

/** Automata that were made before, those that were used last. */
export class DfaCache {
  readonly #kept = new Map<string, Dfa>();

  get(key: string, make: () => Dfa): Dfa {
    const dfa = this.#kept.get(key) ?? make();
    this.#kept.delete(key);
    if (dfa.accepting.length <= LARGEST) this.#kept.set(key, dfa);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return dfa;
  }
}
