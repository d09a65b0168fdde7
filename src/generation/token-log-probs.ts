import { logSumExp } from "../tensor/index.ts";

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

/** The indices of the largest values, best first; the lower index of equals. */
function largest(values: ArrayLike<number>, count: number): number[] {
  const best: number[] = [];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (best.length === count && !(value > (values[best[count - 1] as number] as number))) continue;
    let at = best.length;
    while (at > 0 && value > (values[best[at - 1] as number] as number)) at--;
    best.splice(at, 0, i);
    if (best.length > count) best.pop();
  }
  return best;
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
      count === 0 ? [] : largest(this.#logits, count).map((token) => ({ id: token, logProb: logProb(token) }));
    return { logProb: logProb(id), top };
  }
}
