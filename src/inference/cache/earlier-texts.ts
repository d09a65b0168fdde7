import type { KeyValueCache } from "./key-value-cache.ts";
import type { PrefixCache, PrefixScope } from "./prefix-cache.ts";

interface Settings {
  readonly prefixes: PrefixCache;
  /** The text length in tokens up to which the keys of a token do not depend on it. */
  readonly keysFixedUpTo: number;
  /** True if layers keep states, which are those of a whole text. */
  readonly hasStates: boolean;
}

/** The texts that a decoding session has read and written, for prompts that begin like them. */
export class EarlierTexts {
  readonly #prefixes: PrefixCache;
  readonly #keysFixedUpTo: number;
  readonly #hasStates: boolean;

  constructor({ prefixes, keysFixedUpTo, hasStates }: Settings) {
    this.#prefixes = prefixes;
    this.#keysFixedUpTo = keysFixedUpTo;
    this.#hasStates = hasStates;
  }

  /**
   * Copies the keys and values of what an earlier text had in common with a prompt into an empty cache. Its last token is left to
   * compute, since it gives the scores.
   *
   * @returns the number of tokens that were copied
   */
  recall(scope: PrefixScope, prompt: readonly number[], cache: KeyValueCache): number {
    if (prompt.length > this.#keysFixedUpTo || this.#hasStates) return 0;
    const parts = this.#prefixes.find(scope, prompt.slice(0, -1));
    for (const { data, tokens, count } of parts) cache.copyIn(data, tokens, count, prompt.length);
    return parts.reduce((sum, { count }) => sum + count, 0);
  }

  /** True if a prompt has a beginning in common with an earlier text. */
  knows(scope: PrefixScope, prompt: readonly number[]): boolean {
    return prompt.length <= this.#keysFixedUpTo && this.#prefixes.find(scope, prompt.slice(0, -1)).length > 0;
  }

  /** Keeps rows' keys and values, unless they are good for their own length alone. */
  remember(scope: PrefixScope, owner: object, cache: KeyValueCache, rows: readonly number[]): void {
    this.#prefixes.dropLater(owner);
    if (this.#hasStates) return;
    for (const row of rows)
      if ((cache.computedFor[row] as number) <= this.#keysFixedUpTo) this.#prefixes.store(scope, cache, row);
  }

  /**
   * Keeps the row of a cache that is its owner's alone once another text is looked for, or nothing is computed; at once where
   * its keys may be computed anew for a longer text.
   */
  rememberLater(scope: PrefixScope, owner: object, cache: KeyValueCache): void {
    const store = (): void => this.remember(scope, owner, cache, [0]);
    if ((cache.planned[0] || Number.POSITIVE_INFINITY) > this.#keysFixedUpTo) store();
    else this.#prefixes.storeLater(owner, store);
  }

  /** Keeps all texts that wait for it. */
  settle(): void {
    this.#prefixes.settle();
  }
}
