import type { Decoder } from "../generation/index.ts";
import type { CachedDecoder } from "./cached-decoder.ts";

/** Decodes without a cache: every step computes each row from its first token. Slow, and a check on the cache. */
export class UncachedDecoder implements Decoder {
  readonly vocabularySize: number;
  readonly contextWindow: number;
  readonly #fresh: (sources: readonly number[]) => CachedDecoder;
  #rows: (readonly number[])[] = [];
  /** The index of each row's prompt. */
  #sources: number[] = [];

  /** @param fresh a decoder over the sources of some rows, with nothing read yet */
  constructor(fresh: (sources: readonly number[]) => CachedDecoder) {
    const { vocabularySize, contextWindow } = fresh([]);
    this.vocabularySize = vocabularySize;
    this.contextWindow = contextWindow;
    this.#fresh = fresh;
  }

  prefill(rows: readonly (readonly number[])[]): Promise<Float32Array[]> {
    this.#rows = [...rows];
    this.#sources = [...rows.keys()];
    return this.#compute();
  }

  step(tokens: readonly number[]): Promise<Float32Array[]> {
    this.#rows = this.#rows.map((row, i) => [...row, tokens[i] as number]);
    return this.#compute();
  }

  select(indices: readonly number[]): void {
    this.#rows = indices.map((row) => this.#rows[row] as readonly number[]);
    this.#sources = indices.map((row) => this.#sources[row] as number);
  }

  #compute(): Promise<Float32Array[]> {
    return this.#fresh(this.#sources).prefill(this.#rows, Number.POSITIVE_INFINITY);
  }
}
