import { logSumExp } from "../tensor/index.ts";
import { highest } from "./candidates.ts";

/** A token and its log-probability. */
export interface TokenLogProb {
  /** The token id. */
  readonly id: number;
  /** log p(token | the tokens before it), natural logarithm. */
  readonly logProb: number;
}

/** The model's own distribution of a step, before any option changes it. */
export interface StepLogProbs {
  /** The log-probability of the token that was chosen. */
  readonly logProb: number;
  /** The most probable tokens, best first. */
  readonly top: readonly TokenLogProb[];
}

/** Keeps the logits `[V]` of a step until its token is chosen. */
export class StepScores {
  readonly #logits: Float32Array;
  readonly #count: number;

  /** @param count of the most probable tokens to report */
  constructor(logits: Float32Array, count: number) {
    this.#logits = Float32Array.from(logits); // options change them in place
    this.#count = count;
  }

  /** @param id the token that was chosen */
  of(id: number): StepLogProbs {
    const total = logSumExp(this.#logits);
    const logProb = (token: number): number => (this.#logits[token] as number) - total;
    const count = Math.min(this.#count, this.#logits.length);
    const top =
      count === 0 ? [] : highest(this.#logits, count).map((token) => ({ id: token, logProb: logProb(token) }));
    return { logProb: logProb(id), top };
  }
}
