import { arrayEqual } from "../common/index.ts";
import { nextTask } from "../runtime/index.ts";
import { canShareRun } from "./adapters/adapter-rows.ts";
import type { CacheSizes } from "./cache/cache-sizes.ts";
import { CrossAttentionCache, type MemoryFeeds } from "./cache/cross-attention-cache.ts";
import { KeyValueCache } from "./cache/key-value-cache.ts";
import type { WeightFeeds } from "./weights.ts";

/** The number of prompt tokens that are computed at once: bounds the memory of attention scores, and a step's delay. */
export const PREFILL_TOKENS = 256;

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
    options: {
      readonly memory?: MemoryFeeds | undefined;
      /** The adapter tensors of each row. */
      readonly feeds?: readonly WeightFeeds[];
    },
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

/** Encoder states as one batch reads them, and the rows that they were joined of. */
interface JoinedMemory {
  readonly memories: readonly CrossAttentionCache[];
  readonly feeds: MemoryFeeds;
}

/** Requests whose rows can be computed in one run. */
function groupsOf(requests: readonly Waiting[]): readonly (readonly Waiting[])[] {
  const groups: Waiting[][] = [];
  for (const request of requests) {
    const fits = ([first]: readonly Waiting[]): boolean =>
      first !== undefined && canShareRun(first.engine.feeds, request.engine.feeds);
    const group = groups.find(fits);
    if (group) group.push(request);
    else groups.push([request]);
  }
  return groups;
}

/** True if rows are all those of a cache, in its order. */
export function isWhole({ cache, at }: CacheRows): boolean {
  return at.length === cache.lengths.length && at.every((row, i) => row === i);
}

/** True if places are all those of a cache, each once. */
function isAll(at: readonly number[], { lengths }: KeyValueCache): boolean {
  return at.length === lengths.length && new Set(at).size === at.length;
}

/**
 * The one loop of a decoding session: in turn, a step of all rows that wait for one, then some tokens of prompts. A
 * request joins with its next step and leaves when it ends; rows are copied only then. Rows with different adapters are
 * in one batch where these are low-rank changes.
 */
export class Scheduler {
  /** Requests under way. */
  readonly #requests = new Set<StepEngine>();
  /** Requests whose next step is waited for. */
  #expected = new Set<StepEngine>();
  #waiting: Waiting[] = [];
  /** Chunks of prompts, by priority, then in the order in which they were asked for. */
  readonly #chunks: { readonly tokens: number; readonly priority: number; readonly run: () => Promise<void> }[] = [];
  #isRunning = false;
  /** Caches in which several decoders have rows, each with the steps for which rows were last put there. */
  readonly #joint = new WeakMap<KeyValueCache, readonly StepRequest[]>();
  /** The last joined encoder states, by what the request's adapter feeds. */
  readonly #joined = new WeakMap<WeightFeeds, JoinedMemory>();

  begin(engine: StepEngine): void {
    this.#requests.add(engine);
  }

  /** True if no request is under way. */
  get isIdle(): boolean {
    return this.#requests.size === 0;
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

  /** Computes a part of a prompt, of so many tokens, between the steps of other requests. */
  chunk<T>(tokens: number, compute: () => Promise<T>, priority = 0): Promise<T> {
    return new Promise((resolve, reject) => {
      const behind = this.#chunks.findIndex((other) => other.priority > priority);
      const chunk = { tokens, priority, run: () => compute().then(resolve, reject) };
      this.#chunks.splice(behind < 0 ? this.#chunks.length : behind, 0, chunk);
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0 || this.#chunks.length > 0) {
      if (this.#waiting.length > 0) await this.#stepAll();
      await this.#prefill();
    }
    this.#isRunning = false;
  }

  /** Computes chunks of prompts until they have as many tokens as a turn may have: one long one, or several short ones. */
  async #prefill(): Promise<void> {
    let tokens = 0;
    while (tokens < PREFILL_TOKENS) {
      const chunk = this.#chunks.shift();
      if (!chunk) return;
      await chunk.run();
      await nextTask(); // so that other requests may ask
      tokens += chunk.tokens;
    }
  }

  async #stepAll(): Promise<void> {
    if (this.#requests.size > 1) await this.#gather();
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#expected = new Set(waiting.map(({ engine }) => engine));
    for (const group of groupsOf(waiting)) await this.#compute(group);
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
      const cache = await this.#cacheOf(requests);
      const count = cache.lengths.length;
      const tokens = new Array<[number]>(count);
      const feeds = new Array<WeightFeeds>(count);
      const memories: CrossAttentionCache[] = [];
      for (const request of requests)
        for (const [i, row] of request.rows.at.entries()) {
          tokens[row] = [request.tokens[i] as number];
          feeds[row] = request.engine.feeds;
          const memory = request.memories[i];
          if (memory) memories[row] = memory;
        }
      const scores = await engine.extend(cache, tokens, { memory: this.#memoryOf(engine, memories), feeds });
      const perRow = (engine.computedMs - before) / count;
      engine.computedMs = before;
      for (const request of requests) {
        request.engine.computedMs += perRow * request.rows.at.length;
        request.resolve(request.rows.at.map((row) => scores[row] as Float32Array));
      }
    } catch (error) {
      for (const { reject } of requests) reject(error);
    }
  }

  /** The cache that holds the rows of these requests, and no others. */
  async #cacheOf(requests: readonly Waiting[]): Promise<KeyValueCache> {
    const [{ engine, rows: first }, ...others] = requests as [Waiting, ...Waiting[]];
    const { cache } = first;
    const isTogether = requests.every(({ rows }) => rows.cache === cache);
    const at = requests.flatMap(({ rows }) => rows.at);
    if (isTogether && isAll(at, cache)) return cache;
    for (const { rows } of requests) await rows.cache.settle();
    const isOwn = others.length === 0 && !this.#joint.has(cache);
    if (isOwn && at.length === cache.lengths.length) {
      cache.rearrange(at);
      first.at = [...at.keys()];
      return cache;
    }
    const joined = isOwn ? cache : (this.#jointCacheOf(requests) ?? new KeyValueCache(engine.sizes, 0));
    const all = requests.flatMap(({ rows }) => rows.at.map((row) => ({ cache: rows.cache, row })));
    const places = joined.take(all, this.#requests.size);
    if (!isOwn) this.#joint.set(joined, requests);
    for (const { rows } of requests) {
      rows.cache = joined;
      rows.at = places.splice(0, rows.at.length);
    }
    return joined;
  }

  /** A cache that these requests have rows in, and no other that is under way. */
  #jointCacheOf(requests: readonly Waiting[]): KeyValueCache | undefined {
    const here = new Set(requests.map(({ rows }) => rows));
    return requests
      .map(({ rows }) => rows.cache)
      .find((cache) =>
        this.#joint
          .get(cache)
          ?.every(({ rows, engine }) => rows.cache !== cache || here.has(rows) || !this.#requests.has(engine)),
      );
  }

  /** The encoder's states for a batch, joined anew only where its rows read others than before. */
  #memoryOf(engine: StepEngine, memories: readonly CrossAttentionCache[]): MemoryFeeds | undefined {
    if (memories.length === 0) return undefined;
    const known = this.#joined.get(engine.feeds);
    if (known && arrayEqual(known.memories, memories)) return known.feeds;
    const feeds = CrossAttentionCache.join(memories);
    this.#joined.set(engine.feeds, { memories, feeds });
    return feeds;
  }
}
