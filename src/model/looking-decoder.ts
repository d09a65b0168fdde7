import type { LookingDecoder as Looking } from "../generation/index.ts";
import type { DecodeEngine } from "./cached-decoder.ts";
import { EncoderMemory } from "./encoder-memory.ts";
import { KeyValueCache } from "./key-value-cache.ts";

/** Rows over a session that returns the scores and states of every token. */
export class LookingDecoder implements Looking {
  readonly vocabularySize: number;
  readonly contextWindow: number;
  readonly #engine: DecodeEngine;
  #cache: KeyValueCache | undefined;
  #memories: readonly EncoderMemory[];

  constructor(engine: DecodeEngine, memories: readonly EncoderMemory[] = []) {
    this.vocabularySize = engine.vocabularySize;
    this.contextWindow = engine.contextWindow;
    this.#engine = engine;
    this.#memories = memories;
  }

  extend(rows: readonly (readonly number[])[]): ReturnType<Looking["extend"]> {
    this.#cache ??= new KeyValueCache(this.#engine.sizes, rows.length);
    const memory = this.#memories.length > 0 ? EncoderMemory.join(this.#memories) : undefined;
    return this.#engine.extendAll(this.#cache, rows, { memory });
  }

  select(indices: readonly number[]): void {
    this.#cache = this.#cache?.select(indices);
    if (this.#memories.length > 0) this.#memories = indices.map((row) => this.#memories[row] as EncoderMemory);
  }

  rewind(count: number): void {
    this.#cache?.forget(count);
  }
}
