import type { HostTensor } from "../../tensor/index.ts";

/** Tensors `[B, 1, V]` that steps write scores to, which later steps use again. */
export class ScoreMemory {
  readonly #vocabularySize: number;
  /** Those whose scores were read, by the number of their rows. */
  readonly #free = new Map<number, HostTensor<"float32">>();
  /** Those that callers read, by their memory, and how many of their rows were not given back. */
  readonly #lent = new WeakMap<ArrayBufferLike, { readonly tensor: HostTensor<"float32">; left: number }>();

  constructor(vocabularySize: number) {
    this.#vocabularySize = vocabularySize;
  }

  /** The place of a step's scores. */
  lend(rows: number): HostTensor<"float32"> {
    const size = this.#vocabularySize;
    const tensor: HostTensor<"float32"> = this.#free.get(rows) ?? {
      dtype: "float32",
      shape: [rows, 1, size],
      data: new Float32Array(rows * size),
    };
    this.#free.delete(rows);
    this.#lent.set(tensor.data.buffer, { tensor, left: rows });
    return tensor;
  }

  /** Takes back scores that have been read: once all rows of a step are back, a later one of as many writes where they lie. */
  recycle(scores: readonly Float32Array[]): void {
    const step = this.#lent.get(scores[0]?.buffer as ArrayBuffer);
    if (!step) return;
    step.left -= scores.length;
    if (step.left === 0) this.#free.set(step.tensor.shape[0] as number, step.tensor);
  }
}
