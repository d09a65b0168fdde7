import { arrayEqual, throwIfAborted } from "../common/index.ts";
import type { Decoder, RewindableDecoder } from "../generation/index.ts";
import { CrossAttentionCache, type MemoryFeeds } from "./cache/cross-attention-cache.ts";
import { type CacheRow, KeyValueCache } from "./cache/key-value-cache.ts";
import { LEAST_TOKENS } from "./cache/prefix-cache.ts";
import type { DecodeEngine } from "./decode-engine.ts";
import { rowsTogether } from "./rows-together.ts";
import { type CacheRows, isWhole, PREFILL_TOKENS } from "./scheduler.ts";

export interface CachedDecoderOptions {
  /** The encoder's keys and values for each row, in an encoder–decoder. */
  readonly memories?: readonly CrossAttentionCache[] | undefined;
  /** The number of prompt tokens that are computed at once. */
  readonly chunk?: number | undefined;
  /** The number of tokens that a text may have with its prompt of so many. */
  readonly planned?: (promptLength: number) => number;
  /** Cancels a prompt that is being computed, with code `abort`. */
  readonly signal?: AbortSignal | undefined;
  /** True if the keys and values of earlier texts are reused, and those of its own kept. */
  readonly reusesPrefixes?: boolean;
}

/** One generation's rows over the shared session. */
export class CachedDecoder implements Decoder, RewindableDecoder {
  readonly vocabularySize: number;
  readonly contextWindow: number;
  readonly #engine: DecodeEngine;
  readonly #chunk: number;
  readonly #planned: CachedDecoderOptions["planned"];
  readonly #signal: AbortSignal | undefined;
  readonly #reusesPrefixes: boolean;
  readonly #rows: CacheRows;
  #memories: readonly CrossAttentionCache[];
  #memory: MemoryFeeds | undefined;
  /** The cache of the only prompt, where it is that of all tokens, too. */
  #single: KeyValueCache | undefined;
  /** The number of last tokens that were taken back and are still in the cache. */
  #rewound = 0;

  constructor(
    engine: DecodeEngine,
    { memories = [], chunk = PREFILL_TOKENS, planned, signal, reusesPrefixes = false }: CachedDecoderOptions = {},
  ) {
    this.#chunk = chunk;
    this.#planned = planned;
    this.#reusesPrefixes = reusesPrefixes;
    this.#signal = signal;
    this.#engine = engine;
    this.vocabularySize = engine.vocabularySize;
    this.contextWindow = engine.contextWindow;
    this.#rows = { cache: new KeyValueCache(engine.sizes, 0), at: [] };
    this.#memories = memories;
  }

  /**
   * Prompts are computed by themselves, since each may begin like the one before, or together with the next ones where these have
   * its length and another beginning: that changes no result. Prompts of one token, as in an encoder–decoder, are a step.
   */
  async prefill(rows: readonly (readonly number[])[], chunk = this.#chunk): Promise<Float32Array[]> {
    throwIfAborted(this.#signal);
    this.#rewound = 0;
    const longest = Math.max(...rows.map(({ length }) => length));
    const cache = this.#engine.newCache(rows.length, this.#planned?.(longest));
    this.#own(cache);
    if (!this.#engine.isShared && longest === 1) return this.step(rows.map(([token]) => token as number));
    cache.reserve(longest);
    this.#single = rows.length === 1 ? cache : undefined;
    const scores: Float32Array[] = [];
    const places: CacheRow[] = [];
    while (scores.length < rows.length) {
      const at = scores.length;
      const group = rows.slice(at, at + this.#countTogether(rows, at, chunk));
      const place = this.#single ?? cache.window(at, group.length);
      if (this.#reusesPrefixes && group.length === 1) this.#engine.recall(group[0] as readonly number[], place);
      scores.push(...(await this.#compute(group, at, place, chunk)));
      if (!this.#single) await place.settle();
      const own = [...group.keys()];
      if (this.#reusesPrefixes) this.#remember(place, own);
      places.push(...own.map((row) => ({ cache: place, row })));
    }
    if (!this.#single) cache.take(places);
    return scores;
  }

  /** The number of prompts, from one on, that are computed in one run: none of them begins like another text. */
  #countTogether(rows: readonly (readonly number[])[], at: number, chunk: number): number {
    if (!this.#engine.readsTogether || this.#memories.length > 0) return 1;
    if (!this.#reusesPrefixes) return rowsTogether(rows, at, chunk);
    const beginnings = new Set<string>();
    return rowsTogether(rows, at, chunk, (row) => {
      const beginning = row.slice(0, LEAST_TOKENS).join();
      const isApart = !beginnings.has(beginning) && !this.#engine.knows(row);
      beginnings.add(beginning);
      return isApart;
    });
  }

  /** Keeps keys and values for prompts that begin like these. */
  #remember(cache: KeyValueCache, rows: readonly number[]): void {
    if (cache === this.#single) this.#engine.rememberLater(this, cache);
    else this.#engine.remember(this, cache, rows);
  }

  /** Computes what a cache lacks of prompts of one length; the scores after each. */
  async #compute(
    rows: readonly (readonly number[])[],
    index: number,
    cache: KeyValueCache,
    chunk: number,
  ): Promise<Float32Array[]> {
    const own = this.#memories[index];
    const memory = own && CrossAttentionCache.join([own]);
    const lengths = rows.map(({ length }) => length);
    const feeds = rows.map(() => this.#engine.feeds);
    let last: Float32Array[] = [];
    for (let at = cache.lengths[0] as number; at < (lengths[0] as number); at += chunk) {
      throwIfAborted(this.#signal);
      const parts = rows.map((row) => row.slice(at, at + chunk));
      const compute = (): Promise<Float32Array[]> => this.#engine.extend(cache, parts, { memory, lengths, feeds });
      last = await this.#engine.chunk(parts.flat().length, compute);
    }
    return last;
  }

  finish(rows: readonly number[]): void {
    const { cache, at } = this.#rows;
    const own = rows.map((row) => at[row] as number);
    if (this.#reusesPrefixes) this.#remember(cache, own); // nobody writes to them any more
  }

  /** More tokens of the only row. */
  async extend(tokens: readonly number[]): Promise<Float32Array> {
    if (this.#rows.at.length === 0) return (await this.prefill([tokens]))[0] as Float32Array;
    return (
      await this.#engine.extend(await this.#alone(), [tokens], { memory: this.#joinedMemory() })
    )[0] as Float32Array;
  }

  rewind(count: number): void {
    this.#rewound += count;
  }

  async step(tokens: readonly number[]): Promise<Float32Array[]> {
    if (this.#rewound > 0) await this.#alone();
    if (!this.#engine.isShared) return this.#engine.step(this.#rows, tokens, this.#memories);
    const memory = this.#joinedMemory();
    return this.#engine.extend(
      this.#rows.cache,
      tokens.map((token) => [token]),
      { memory },
    );
  }

  recycle(scores: readonly Float32Array[]): void {
    this.#engine.recycle(scores);
  }

  select(indices: readonly number[]): void {
    const { cache, at } = this.#rows;
    if (!this.#engine.isShared)
      this.#rows.at = indices.map((row) => at[row] as number); // copied by the next step
    else if (isWhole({ cache, at: indices })) return;
    else if (indices.length === at.length) cache.rearrange(indices);
    else this.#own(at.length === 1 && indices.length > 1 ? cache.share(indices.length) : cache.select(indices));
    const memories = indices.map((row) => this.#memories[row]).filter((memory) => memory !== undefined);
    if (arrayEqual(memories, this.#memories)) return; // as when beams of one prompt change places
    this.#memories = memories;
    this.#memory = undefined;
  }

  /** A cache of the decoder's rows alone, without the tokens that were taken back. */
  async #alone(): Promise<KeyValueCache> {
    if (!isWhole(this.#rows)) {
      await this.#rows.cache.settle();
      this.#own(this.#rows.cache.select(this.#rows.at));
    }
    if (this.#rewound > 0) this.#rows.cache.forget(this.#rewound);
    this.#rewound = 0;
    return this.#rows.cache;
  }

  #own(cache: KeyValueCache): void {
    this.#rows.cache = cache;
    this.#rows.at = [...cache.lengths.keys()];
  }

  #joinedMemory(): MemoryFeeds | undefined {
    if (this.#memories.length > 0) this.#memory ??= CrossAttentionCache.join(this.#memories);
    return this.#memory;
  }
}
