import { arrayEqual } from "../common/index.ts";
import { nextTask } from "../runtime/index.ts";
import { canShareRun } from "./adapters/adapter-rows.ts";
import { CrossAttentionCache, type MemoryFeeds } from "./cache/cross-attention-cache.ts";
import { type CacheSizes, KeyValueCache } from "./cache/key-value-cache.ts";
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
  /** Caches in which several decoders have rows. */
  readonly #joint = new WeakSet<KeyValueCache>();
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
      const batch = await this.#batchOf(requests);
      const { cache } = (batch[0] as Waiting).rows;
      const tokens = batch.flatMap((request) => request.tokens.map((token) => [token]));
      const feeds = batch.flatMap((request) => request.tokens.map(() => request.engine.feeds));
      const scores = await engine.extend(cache, tokens, { memory: this.#memoryOf(batch), feeds });
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
  async #batchOf(requests: readonly Waiting[]): Promise<readonly Waiting[]> {
    const [first] = requests as [Waiting];
    const { cache } = first.rows;
    const ordered = [...requests].sort((a, b) => (a.rows.at[0] as number) - (b.rows.at[0] as number));
    const at = ordered.flatMap(({ rows }) => rows.at);
    if (requests.every(({ rows }) => rows.cache === cache) && isWhole({ cache, at })) return ordered;
    for (const { rows } of requests) await rows.cache.settle();
    const [only, ...others] = requests as [Waiting, ...Waiting[]];
    if (others.length === 0 && !this.#joint.has(cache) && at.length === cache.lengths.length) {
      cache.rearrange(at);
      only.rows.at = [...at.keys()];
      return requests;
    }
    const all = requests.flatMap(({ rows }) => rows.at.map((row) => ({ cache: rows.cache, row })));
    const joined = KeyValueCache.join(all, first.engine.sizes);
    if (others.length > 0) this.#joint.add(joined);
    let next = 0;
    for (const { rows } of requests) {
      rows.cache = joined;
      rows.at = rows.at.map(() => next++);
    }
    return requests;
  }

  /** The encoder's states for a batch, joined anew only where its rows read others than before. */
  #memoryOf(batch: readonly Waiting[]): MemoryFeeds | undefined {
    const [{ engine }] = batch as [Waiting];
    const memories = batch.flatMap((request) => request.memories);
    if (memories.length === 0) return undefined;
    const known = this.#joined.get(engine.feeds);
    if (known && arrayEqual(known.memories, memories)) return known.feeds;
    const feeds = CrossAttentionCache.join(memories);
    this.#joined.set(engine.feeds, { memories, feeds });
    return feeds;
  }
}
