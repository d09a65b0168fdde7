import { Random } from "../common/index.ts";
import type { Batch } from "./step-graph.ts";

/** A text as tokens and the number of bytes they stand for. */
export interface TokenizedText {
  readonly ids: Int32Array;
  readonly bytes: number;
}

/** Joins documents into one run of tokens, an end token after each. */
export function joinDocuments(documents: readonly TokenizedText[], endToken: number): TokenizedText {
  const ids = new Int32Array(documents.reduce((sum, { ids }) => sum + ids.length + 1, 0));
  let at = 0;
  for (const document of documents) {
    ids.set(document.ids, at);
    ids[at + document.ids.length] = endToken;
    at += document.ids.length + 1;
  }
  return { ids, bytes: documents.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/**
 * The batch of a step: full windows of `length` tokens. Each epoch cuts the text at a random offset and takes its
 * windows in a random order, both drawn from (seed, epoch), so a step's batch depends on nothing but its number.
 */
export class WindowSampler {
  readonly #ids: Int32Array;
  readonly #length: number;
  readonly #rows: number;
  readonly #seed: number;
  readonly stepsPerEpoch: number;
  #epoch = -1;
  #starts = new Int32Array(0);

  constructor(ids: Int32Array, options: { rows: number; length: number; seed: number }) {
    this.#ids = ids;
    this.#length = options.length;
    this.#rows = options.rows;
    this.#seed = options.seed;
    this.stepsPerEpoch = Math.floor((ids.length - options.length - 1) / options.length / options.rows);
  }

  batch(step: number): Batch {
    const epoch = Math.floor(step / this.stepsPerEpoch);
    if (epoch !== this.#epoch) this.#shuffle(epoch);
    const first = (step % this.stepsPerEpoch) * this.#rows;
    return windows(this.#ids, [...this.#starts.subarray(first, first + this.#rows)], this.#length);
  }

  #shuffle(epoch: number): void {
    const random = new Random(this.#seed, epoch);
    const offset = random.nextInt(this.#length);
    const count = this.stepsPerEpoch * this.#rows;
    this.#starts = Int32Array.from({ length: count }, (_, i) => offset + i * this.#length);
    random.shuffle(this.#starts);
    this.#epoch = epoch;
  }
}

/** Windows of a token run as a batch: inputs, and targets one token on. */
export function windows(ids: Int32Array, starts: readonly number[], length: number): Batch {
  return {
    inputIds: starts.map((start) => [...ids.subarray(start, start + length)]),
    targets: starts.map((start) => [...ids.subarray(start + 1, start + length + 1)]),
  };
}
