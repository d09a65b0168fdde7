import { check } from "../common/index.ts";

/** Keeps what a model computes and what changes the model apart. */
export class Uses {
  #running = 0;
  #change: Promise<unknown> | undefined;

  /** Computes once no change is under way. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    while (this.#change) await this.#change;
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
    }
  }

  /** Changes the model after earlier changes; refused while it computes, whose result would be of two models. */
  async change<T>(what: string, work: () => Promise<T>): Promise<T> {
    while (this.#change) await this.#change;
    check(
      this.#running === 0,
      "usage",
      () =>
        `${what}: the model is computing, and an adapter may not change midway; got ${this.#running} calls under way; wait for their results, or abort them and wait`,
    );
    const result = work();
    const ended = result.then(
      () => {},
      () => {},
    );
    this.#change = ended;
    try {
      return await result;
    } finally {
      if (this.#change === ended) this.#change = undefined;
    }
  }
}
