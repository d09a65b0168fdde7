import type { Decoder } from "../generation/index.ts";
import type { Value } from "../graph/index.ts";
import { lowerGraph } from "../lower/index.ts";
import type { DecoderConfig, Family } from "../models/index.ts";
import { createSession, type EngineSession, nextTask, type SessionOptions } from "../runtime/index.ts";
import { type HostTensor, int64Matrix } from "../tensor/index.ts";
import { type CacheSizes, cacheName, KeyValueCache } from "./key-value-cache.ts";
import { cachedGraph, deriveFeeds, type ModelGraph } from "./model-graph.ts";
import type { Weights } from "./weights.ts";

/** How many prompt tokens are computed at once: bounds the memory that attention scores take. */
const PREFILL_TOKENS = 256;

/** The session that decodes over a cache, shared by all generations of a model. */
export class DecodeEngine {
  readonly config: DecoderConfig;
  /** How long the engine has computed, in all. */
  computedMs = 0;
  readonly #graph: ModelGraph;
  readonly #session: EngineSession;

  private constructor(config: DecoderConfig, graph: ModelGraph, session: EngineSession) {
    this.config = config;
    this.#graph = graph;
    this.#session = session;
  }

  static async create(
    family: Family,
    config: DecoderConfig,
    weights: Weights,
    options: SessionOptions = {},
  ): Promise<DecodeEngine> {
    const graph = cachedGraph(family, config);
    const outputs: Record<string, Value> = { logits: graph.logits };
    for (const [i, value] of graph.cache.flatMap(({ key, value }) => [key, value]).entries())
      outputs[cacheName("present", i)] = value;
    const session = await createSession(lowerGraph({ outputs, bind: (name) => weights.bind(name) }), options);
    return new DecodeEngine(config, graph, session);
  }

  /** Runs `[B][T]` new tokens over a cache, appends them to it, and returns the scores after the last: `[B, V]`. */
  async extend(cache: KeyValueCache, tokens: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const queries = tokens.map((row, i) => row.map((_, t) => (cache.lengths[i] as number) + t));
    const keys = cache.positions().map((held, i) => [...held, ...(queries[i] as number[])]);
    const feeds = {
      input_ids: int64Matrix(tokens),
      ...deriveFeeds(this.#graph.derived, { queries, keys }),
      ...cache.feeds(),
    };
    const started = performance.now();
    const results = await this.#session.run(feeds);
    this.computedMs += performance.now() - started;
    await nextTask();
    cache.append(results, queries[0]?.length ?? 0);
    const { data } = results.logits as HostTensor<"float32">;
    const size = this.config.vocabSize;
    return tokens.map((_, i) => data.subarray(i * size, (i + 1) * size));
  }

  dispose(): Promise<void> {
    return this.#session.dispose();
  }
}

/** One generation's rows over the shared session. */
export class CachedDecoder implements Decoder {
  readonly vocabularySize: number;
  readonly contextWindow: number;
  readonly #engine: DecodeEngine;
  readonly #sizes: CacheSizes;
  #cache: KeyValueCache;

  constructor(engine: DecodeEngine) {
    const { config } = engine;
    this.#engine = engine;
    this.vocabularySize = config.vocabSize;
    this.contextWindow = config.maxPositionEmbeddings;
    this.#sizes = { layers: config.numHiddenLayers, heads: config.numKeyValueHeads, headSize: config.headSize };
    this.#cache = new KeyValueCache(this.#sizes, 0);
  }

  /** Each prompt is computed by itself, so it does not matter what it is batched with. */
  async prefill(rows: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const caches: KeyValueCache[] = [];
    const scores: Float32Array[] = [];
    for (const row of rows) {
      const cache = new KeyValueCache(this.#sizes, 1);
      let last: Float32Array[] = [];
      for (let at = 0; at < row.length; at += PREFILL_TOKENS)
        last = await this.#engine.extend(cache, [row.slice(at, at + PREFILL_TOKENS)]);
      caches.push(cache);
      scores.push(last[0] as Float32Array);
    }
    this.#cache =
      caches.length === 1
        ? (caches[0] as KeyValueCache)
        : KeyValueCache.join(
            caches.map((cache) => ({ cache, row: 0 })),
            this.#sizes,
          );
    return scores;
  }

  step(tokens: readonly number[]): Promise<Float32Array[]> {
    return this.#engine.extend(
      this.#cache,
      tokens.map((token) => [token]),
    );
  }

  select(indices: readonly number[]): void {
    this.#cache = this.#cache.select(indices);
  }
}
