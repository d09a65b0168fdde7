import { nextTask } from "../runtime/index.ts";
import { CrossAttentionCache, type MemoryFeeds } from "./cache/cross-attention-cache.ts";
import { type CacheSizes, KeyValueCache } from "./cache/key-value-cache.ts";
import type { WeightFeeds } from "./weights.ts";

/** Time that a step waits for requests that were in the last one, in milliseconds. */
const PATIENCE_MS = 1;

/** The engine of one request, as its steps use it. */
export interface StepEngine {
  readonly sizes: CacheSizes;
  readonly feeds: WeightFeeds;
  computedMs: number;
  extend(
    cache: KeyValueCache,
    tokens: readonly (readonly number[])[],
    options: { readonly memory?: MemoryFeeds | undefined },
  ): Promise<Float32Array[]>;
}

/** One decoder's rows of a cache, which other decoders may have rows in, too. */
export interface CacheRows {
  cache: KeyValueCache;
  at: readonly number[];
}

/** One more token for each row of a decoder. */
interface StepRequest {
  /** The engine of the request, with its adapter and its clock. */
  readonly engine: StepEngine;
  readonly rows: CacheRows;
  readonly tokens: readonly number[];
  /** The encoder's states for each row, in an encoder–decoder. */
  readonly memories: readonly CrossAttentionCache[];
}

interface Waiting extends StepRequest {
  readonly resolve: (scores: Float32Array[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Computes the steps of concurrent requests on one engine as one batch. A request joins with its next step and leaves
 * when it ends; rows are copied only then. Requests with different adapters are in different batches.
 */
export class StepBatcher {
  /** Requests under way. */
  readonly #requests = new Set<StepEngine>();
  /** Requests whose next step is waited for. */
  #expected = new Set<StepEngine>();
  #waiting: Waiting[] = [];
  #isRunning = false;
  readonly #memories = new WeakMap<KeyValueCache, MemoryFeeds>();

  begin(engine: StepEngine): void {
    this.#requests.add(engine);
  }

  end(engine: StepEngine): void {
    this.#requests.delete(engine);
    this.#expected.delete(engine);
  }

  /** Computes a step with those of other requests. @returns scores `[B, V]` of the decoder's rows */
  step(request: StepRequest): Promise<Float32Array[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...request, resolve, reject });
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      if (this.#requests.size > 1) await this.#gather();
      const waiting = this.#waiting;
      this.#waiting = [];
      this.#expected = new Set(waiting.map(({ engine }) => engine));
      const adapters = new Set(waiting.map(({ engine }) => engine.feeds));
      for (const feeds of adapters) await this.#compute(waiting.filter(({ engine }) => engine.feeds === feeds));
    }
    this.#isRunning = false;
  }

  /** Lets the requests of the last step ask for their next one. */
  async #gather(): Promise<void> {
    const started = performance.now();
    do await nextTask();
    while (this.#isIncomplete() && performance.now() - started < PATIENCE_MS);
  }

  #isIncomplete(): boolean {
    const here = new Set(this.#waiting.map(({ engine }) => engine));
    return [...this.#expected].some((engine) => !here.has(engine));
  }

  async #compute(requests: readonly Waiting[]): Promise<void> {
    const [{ engine }] = requests as [Waiting];
    const before = engine.computedMs;
    try {
      const batch = this.#batchOf(requests);
      const { cache } = (batch[0] as Waiting).rows;
      const tokens = batch.flatMap((request) => request.tokens.map((token) => [token]));
      const scores = await engine.extend(cache, tokens, { memory: this.#memoryOf(cache, batch) });
      const perRow = (engine.computedMs - before) / tokens.length;
      engine.computedMs = before;
      let first = 0;
      for (const request of batch) {
        const count = request.tokens.length;
        request.engine.computedMs += perRow * count;
        request.resolve(scores.slice(first, first + count));
        first += count;
      }
    } catch (error) {
      for (const { reject } of requests) reject(error);
    }
  }

  /** The requests in the order of their rows in one cache, which holds no others. */
  #batchOf(requests: readonly Waiting[]): readonly Waiting[] {
    const [first] = requests as [Waiting];
    const { cache } = first.rows;
    const ordered = [...requests].sort((a, b) => (a.rows.at[0] as number) - (b.rows.at[0] as number));
    const places = ordered.flatMap(({ rows }) => rows.at);
    const isWhole = places.length === cache.lengths.length && places.every((place, i) => place === i);
    if (isWhole && requests.every(({ rows }) => rows.cache === cache)) return ordered;
    const all = requests.flatMap(({ rows }) => rows.at.map((row) => ({ cache: rows.cache, row })));
    const joined = KeyValueCache.join(all, first.engine.sizes);
    let next = 0;
    for (const { rows } of requests) {
      rows.cache = joined;
      rows.at = rows.at.map(() => next++);
    }
    return requests;
  }

  #memoryOf(cache: KeyValueCache, batch: readonly Waiting[]): MemoryFeeds | undefined {
    const memories = batch.flatMap((request) => request.memories);
    if (memories.length === 0) return undefined;
    const known = this.#memories.get(cache);
    if (known) return known;
    const made = CrossAttentionCache.join(memories);
    this.#memories.set(cache, made);
    return made;
  }
}
