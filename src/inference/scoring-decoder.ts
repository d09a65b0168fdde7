import type { ScoringDecoder as Scoring } from "../generation/index.ts";
import { CrossAttentionCache } from "./cache/cross-attention-cache.ts";
import { KeyValueCache } from "./cache/key-value-cache.ts";
import type { DecodeEngine } from "./decode-engine.ts";

/** Rows over a session that returns the scores and states of every token. */
export class ScoringDecoder implements Scoring {
  readonly vocabularySize: number;
  readonly contextWindow: number;
  readonly #engine: DecodeEngine;
  #cache: KeyValueCache | undefined;
  #memories: readonly CrossAttentionCache[];

  constructor(engine: DecodeEngine, memories: readonly CrossAttentionCache[] = []) {
    this.vocabularySize = engine.vocabularySize;
    this.contextWindow = engine.contextWindow;
    this.#engine = engine;
    this.#memories = memories;
  }

  extend(rows: readonly (readonly number[])[]): ReturnType<Scoring["extend"]> {
    this.#cache ??= new KeyValueCache(this.#engine.sizes, rows.length);
    const memory = this.#memories.length > 0 ? CrossAttentionCache.join(this.#memories) : undefined;
    return this.#engine.extendAll(this.#cache, rows, { memory });
  }

  select(indices: readonly number[]): void {
    this.#cache = this.#cache?.select(indices);
    if (this.#memories.length > 0) this.#memories = indices.map((row) => this.#memories[row] as CrossAttentionCache);
  }

  rewind(count: number): void {
    this.#cache?.forget(count);
  }
}
