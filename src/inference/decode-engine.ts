import { contrastLayers } from "../generation/index.ts";
import type { Value } from "../graph/index.ts";
import { canAttendInPlace } from "../lowering/index.ts";
import { cacheSlots, type DerivedInput, type Positions, type StateShape, stateName } from "../nn/index.ts";
import { canShareMemory, createSession, type EngineSession, nextTask, type SessionOptions } from "../runtime/index.ts";
import { type HostTensor, int64Matrix } from "../tensor/index.ts";
import { AdapterRows, perRow } from "./adapters/adapter-rows.ts";
import { type CacheSizes, cacheName } from "./cache/cache-sizes.ts";
import { CrossAttentionCache, type MemoryFeeds } from "./cache/cross-attention-cache.ts";
import { EarlierTexts } from "./cache/earlier-texts.ts";
import { KeyValueCache } from "./cache/key-value-cache.ts";
import { PrefixCache } from "./cache/prefix-cache.ts";
import { ScoreMemory } from "./cache/score-memory.ts";
import { type CachedModel, deriveFeeds, type ModelGraph } from "./decode-graph.ts";
import { lowerModel } from "./lower-model.ts";
import { isRowwise, rowsOf } from "./rows-together.ts";
import { type CacheRows, PREFILL_TOKENS, Scheduler } from "./scheduler.ts";
import { checkMemory } from "./sessions/check-memory.ts";
import { sessionBytes, weightBytes } from "./sessions/session-bytes.ts";
import type { WeightFeeds, Weights } from "./weights.ts";

/** The use of a decoding session, beside the scores after the last token. */
export interface DecodeUse {
  /** Scores and states of all tokens. */
  readonly showsAll?: boolean;
  /** Scores are contrasted with those of the likeliest of these layers to differ. */
  readonly layers?: readonly number[];
  /** Rows that go on from one prompt share its cache. */
  readonly isShared?: boolean;
  /** True if the caller says which tokens of an encoder see all. */
  readonly hasGlobalTokens?: boolean;
}

export interface ExtendOptions {
  /** The encoder's keys and values for each row, in an encoder–decoder. */
  readonly memory?: MemoryFeeds | undefined;
  /** The whole length of each row's text, where it is computed in pieces; default: its length after these tokens. */
  readonly lengths?: readonly number[];
  /** The adapter tensors of each row; default: the request's own. */
  readonly feeds?: readonly WeightFeeds[];
}

/** A graph, its session, and the names of what it is fed. */
interface OpenGraph {
  /** The inputs that follow from positions. */
  readonly derived: readonly DerivedInput[];
  readonly session: EngineSession;
  readonly inputs: ReadonlySet<string>;
  readonly bytes: number;
  /** The bytes of weights that a run reads. */
  readonly weightBytes: number;
  /** True if what rows get does not depend on the other rows of a run, to the last bit. */
  readonly isRowwise: boolean;
}

/** The compiled parts of a decode engine. */
interface EngineParts {
  readonly model: CachedModel;
  readonly step: OpenGraph;
  /** True if a step writes into the cache; else its new rows are copied there. */
  readonly isInPlace: boolean;
  /** True if a device computes, on which the cache of steps that write into it stays. */
  readonly isOnDevice: boolean;
  /** The graph that encodes, in an encoder–decoder. */
  readonly encoder: OpenGraph | undefined;
  readonly use: DecodeUse;
  /** The adapters of the rows as runs are fed them. */
  readonly adapters: AdapterRows;
  /** Joins the steps of concurrent requests. */
  readonly scheduler: Scheduler;
  /** The keys and values of earlier texts. */
  readonly earlier: EarlierTexts;
  /** The number of layers that keep keys and values, and what layers keep beside them. */
  readonly kept: { readonly layers: number; readonly states: readonly StateShape[] };
  /** The memory of scores; undefined where a step does not write them in place. */
  readonly spares: ScoreMemory | undefined;
}

/** The session that decodes over a cache, shared by all generations of a model. */
export class DecodeEngine {
  readonly vocabularySize: number;
  readonly contextWindow: number;
  readonly sizes: CacheSizes;
  /** Estimated memory, in bytes. */
  readonly bytes: number;
  /** The bytes of weights that a step reads. */
  readonly weightBytes: number;
  /** Time that the engine has computed for this request, in milliseconds. */
  computedMs = 0;
  /** The number of prompt tokens of this request whose keys and values were there already. */
  cachedTokens = 0;
  readonly #parts: EngineParts;
  /** The tensors that the request's adapter feeds. */
  readonly feeds: WeightFeeds;

  /** The lower number first. */
  readonly #priority: number;

  private constructor(parts: EngineParts, feeds: WeightFeeds = {}, priority = 0) {
    const { config } = parts.model;
    this.#parts = parts;
    this.feeds = feeds;
    this.#priority = priority;
    this.bytes = parts.step.bytes + (parts.encoder?.bytes ?? 0);
    this.weightBytes = parts.step.weightBytes;
    this.vocabularySize = config.vocabSize;
    this.contextWindow = config.maxPositionEmbeddings;
    this.sizes = { ...parts.kept, heads: config.numKeyValueHeads, headSize: config.headSize };
  }

  /** The same sessions for one request, which feeds its adapter and has its own clock. */
  forRequest(feeds: WeightFeeds, priority?: number): DecodeEngine {
    const engine = new DecodeEngine(this.#parts, feeds, priority);
    this.#parts.scheduler.begin(engine);
    return engine;
  }

  /** Ends a request: others no longer wait for its steps. */
  endRequest(): void {
    const { scheduler, step, earlier } = this.#parts;
    scheduler.end(this);
    if (!scheduler.isIdle) return;
    step.session.forget(); // the last cache
    void nextTask().then(() => scheduler.isIdle && earlier.settle());
  }

  /** One more token for each of a decoder's rows, computed in one batch with other requests. */
  step(rows: CacheRows, tokens: readonly number[], memories: readonly CrossAttentionCache[]): Promise<Float32Array[]> {
    return this.#parts.scheduler.step({ engine: this, rows, tokens, memories });
  }

  static async create(
    model: CachedModel,
    weights: Weights,
    options: SessionOptions = {},
    asked: DecodeUse = {},
    prefixes = new PrefixCache(0),
  ): Promise<DecodeEngine> {
    const isOnDevice = options.device === "webgpu";
    const use = isOnDevice ? { ...asked, isShared: false } : asked;
    // On a device the cache stays there, but where rows are chosen after each step.
    const mayWrite = isOnDevice ? !use.showsAll : canAttendInPlace(model.config.headSize) && canShareMemory();
    const open = async (graph: ModelGraph, outputs: Record<string, Value>, written?: readonly string[]) => {
      const phase = graph === memory ? "forward" : "decode";
      const lowered = lowerModel(outputs, weights, phase, options.device);
      const inputs = new Set(lowered.inputs.map(({ name }) => name));
      const bytes = sessionBytes(lowered, options);
      checkMemory(bytes, weights.precision);
      const derived = graph.derived.filter(({ name }) => inputs.has(name));
      const session = await createSession(lowered, {
        ...options,
        sharesMemory: written !== undefined,
        keeps: written ?? [],
      });
      return { derived, session, inputs, bytes, weightBytes: weightBytes(lowered), isRowwise: isRowwise(lowered) };
    };
    const named = (prefix: "present" | "cross", cache: ModelGraph["cache"]): Record<string, Value> =>
      Object.fromEntries(
        cache.flatMap(({ key, value }) => [key, value]).map((value, i) => [cacheName(prefix, i), value]),
      );
    const { step: graph, memory } = model.graphs({
      logits: use.showsAll ? "all" : "last",
      isShared: use.isShared,
      isInPlace: !use.isShared && mayWrite,
      hasGlobalTokens: use.hasGlobalTokens,
      plan: perRow(weights.plan),
    });
    const present = named("present", graph.cache);
    const outputs = {
      logits: graph.logits,
      ...(use.showsAll && { states: graph.hiddenStates.at(-1) as Value }),
      ...Object.fromEntries(use.layers?.map((layer) => [`early.${layer}`, graph.earlyLogits(layer)]) ?? []),
      ...present,
      ...Object.fromEntries(graph.states.map(({ after }, i) => [stateName("present", i), after])),
    };
    const encoder = memory && (await open(memory, named("cross", memory.crossCache)));
    const { isInPlace, keysFixedUpTo, states } = graph;
    const step = await open(graph, outputs, isInPlace ? Object.keys(present) : undefined);
    const kept = { layers: graph.cache.length, states };
    const isReused = isInPlace && !isOnDevice && !use.showsAll && !use.layers;
    const spares = isReused ? new ScoreMemory(model.config.vocabSize) : undefined;
    const earlier = new EarlierTexts({ prefixes, keysFixedUpTo, hasStates: states.length > 0 });
    const parts = { model, use, encoder, step, isInPlace, isOnDevice, spares, kept, earlier };
    return new DecodeEngine({ ...parts, adapters: new AdapterRows(), scheduler: new Scheduler() });
  }

  /** Takes back scores that have been read, for a later step to write over. */
  recycle(scores: readonly Float32Array[]): void {
    this.#parts.spares?.recycle(scores);
  }

  /** The places of a step's results, where it writes them itself. */
  #placesOf(cache: KeyValueCache): Readonly<Record<string, HostTensor>> {
    const logits = this.#parts.spares?.lend(cache.lengths.length);
    return { ...cache.places(), ...(logits && { logits }) };
  }

  /** True if rows may share the part of the cache that they have in common. */
  get isShared(): boolean {
    return this.#parts.use.isShared ?? false;
  }

  /** Computes a part of a prompt in turn with the steps of other requests. */
  chunk<T>(tokens: number, compute: () => Promise<T>): Promise<T> {
    return this.#parts.scheduler.chunk(tokens, compute, this.#priority);
  }

  /**
   * A cache of rows that have read nothing.
   * @param planned the number of tokens that each will have at most; room for them is made where steps read only what is filled
   */
  newCache(rows: number, planned?: number): KeyValueCache {
    const { isInPlace, isOnDevice } = this.#parts;
    return new KeyValueCache(this.sizes, rows, isInPlace && !isOnDevice ? { planned } : {});
  }

  /** True if several texts of one length can be read in one run, with the results of each alone. */
  get readsTogether(): boolean {
    const { isInPlace, isOnDevice, kept, step, encoder = step } = this.#parts;
    return isInPlace && !isOnDevice && encoder.isRowwise && step.isRowwise && kept.states.length === 0;
  }

  /** True if a prompt begins like an earlier text. */
  knows(prompt: readonly number[]): boolean {
    return this.#parts.earlier.knows(this, prompt);
  }

  /** Fills an empty cache with the keys and values of what an earlier text had in common with a prompt. */
  recall(prompt: readonly number[], cache: KeyValueCache): void {
    this.cachedTokens += this.#parts.earlier.recall(this, prompt, cache);
  }

  /** Keeps rows' keys and values for prompts that begin like them. */
  remember(owner: object, cache: KeyValueCache, rows: readonly number[]): void {
    this.#parts.earlier.remember(this, owner, cache, rows);
  }

  /** Keeps the row of a cache that is its owner's alone, once that holds up nothing. */
  rememberLater(owner: object, cache: KeyValueCache): void {
    this.#parts.earlier.rememberLater(this, owner, cache);
  }

  /**
   * Encodes rows of one length: the keys and values of their states, computed once.
   * @param globalTokens of each row, 1 for those that see all, where the caller says which
   */
  async encode(
    rows: readonly (readonly number[])[],
    globalTokens?: readonly (readonly number[])[],
  ): Promise<CrossAttentionCache[]> {
    const indices = rows.map((row) => row.map((_, i) => i));
    const encoder = this.#parts.encoder as OpenGraph;
    const results = await this.#timed(encoder, {
      input_ids: int64Matrix(rows),
      ...deriveFeeds(encoder.derived, { queries: indices, keys: indices, ids: rows, globalTokens }),
      ...this.#fedTo(
        encoder,
        rows.map(() => this.feeds),
      ),
    });
    return CrossAttentionCache.ofRows(results, this.sizes, rows);
  }

  /** Runs `[B][T]` new tokens over a cache, appends them to it, and returns the scores after the last: `[B, V]`. */
  async extend(
    cache: KeyValueCache,
    tokens: readonly (readonly number[])[],
    options: ExtendOptions = {},
  ): Promise<Float32Array[]> {
    const results = await this.#run(cache, tokens, options);
    const rows = (name: string): Float32Array[] => rowsOf(results[name] as HostTensor<"float32">, tokens.length);
    const scores = rows("logits");
    if (!this.#parts.use.layers) return scores;
    const early = this.#parts.use.layers.map((layer) => rows(`early.${layer}`));
    for (const [row, last] of scores.entries())
      contrastLayers(
        last,
        early.map((all) => all[row] as Float32Array),
      );
    return scores;
  }

  /** The same, with the scores after every token, and its state; of an engine that shows all. */
  async extendAll(
    cache: KeyValueCache,
    tokens: readonly (readonly number[])[],
    options: ExtendOptions = {},
  ): Promise<{ scores: Float32Array[]; states: Float32Array[] }[]> {
    const { logits, states } = await this.#run(cache, tokens, options);
    const [allScores, allStates] = [logits, states].map((tensor) =>
      rowsOf(tensor as HostTensor<"float32">, tokens.length),
    );
    const split = (row: Float32Array, count: number): Float32Array[] =>
      Array.from({ length: count }, (_, t) => row.subarray((t * row.length) / count, ((t + 1) * row.length) / count));
    return tokens.map((row, i) => ({
      scores: split(allScores?.[i] as Float32Array, row.length),
      states: split(allStates?.[i] as Float32Array, row.length),
    }));
  }

  async #run(
    cache: KeyValueCache,
    tokens: readonly (readonly number[])[],
    {
      memory,
      lengths = cache.lengths.map((length, i) => length + (tokens[i]?.length ?? 0)),
      feeds: own,
    }: ExtendOptions,
  ): Promise<Record<string, HostTensor>> {
    const { step, isInPlace, isOnDevice } = this.#parts;
    await this.#renew(cache, lengths, own);
    const queries = tokens.map((row, i) => row.map((_, t) => (cache.lengths[i] as number) + t));
    const positions: Positions = {
      queries,
      get keys() {
        if (isInPlace) return cacheSlots(queries);
        return cache.positions().map((held, i) => [...held, ...(queries[i] as number[])]);
      },
      ids: tokens,
      lengths,
    };
    const count = Math.max(...lengths.map((length, i) => length - (cache.lengths[i] as number)));
    if (!cache.hasRoom(count)) await cache.settle();
    if (isInPlace || isOnDevice) cache.reserve(count); // a device takes no empty tensors
    const feeds = {
      [memory ? "decoder_input_ids" : "input_ids"]: int64Matrix(tokens),
      ...deriveFeeds(step.derived, positions, memory?.positions),
      ...memory?.tensors,
      ...cache.feeds(this.isShared),
    };
    const results = await this.#timed(
      step,
      { ...feeds, ...this.#fedTo(step, own) },
      isInPlace ? this.#placesOf(cache) : undefined,
    );
    if (isInPlace && isOnDevice) cache.keptBy(step.session);
    cache.takeStates(results);
    if (isInPlace) cache.advance(tokens, lengths);
    else cache.append(results, tokens, lengths);
    return results;
  }

  /**
   * Computes the keys of rows again whose texts grow beyond what their keys are good to, or shrink back: as
   * transformers does for Phi-3, whose frequencies change for texts longer than `original_max_position_embeddings`.
   */
  async #renew(cache: KeyValueCache, lengths: readonly number[], feeds?: readonly WeightFeeds[]): Promise<void> {
    const bound = this.#parts.model.cacheIsGoodTo;
    if (bound === undefined) return;
    const isStale = cache.lengths.map(
      (held, i) => held > 0 && (lengths[i] as number) > bound !== (cache.computedFor[i] as number) > bound,
    );
    if (!isStale.includes(true)) return;
    await cache.settle();
    const rows: { cache: KeyValueCache; row: number }[] = [];
    for (const [i, row] of cache.tokens.entries()) {
      if (!isStale[i] && !this.isShared) rows.push({ cache, row: i });
      else rows.push({ cache: await this.#computed(row, lengths[i] as number, feeds?.[i]), row: 0 });
    }
    for (const computed of rows) await computed.cache.settle();
    cache.replace(KeyValueCache.join(rows, this.sizes));
  }

  async #computed(row: readonly number[], length: number, feeds = this.feeds): Promise<KeyValueCache> {
    const cache = this.newCache(1);
    for (let at = 0; at < row.length; at += PREFILL_TOKENS)
      await this.#run(cache, [row.slice(at, at + PREFILL_TOKENS)], { lengths: [length], feeds: [feeds] });
    return cache;
  }

  async dispose(): Promise<void> {
    await this.#parts.step.session.dispose();
    await this.#parts.encoder?.session.dispose();
  }

  /** The adapter tensors that a graph takes as inputs, for each row. */
  #fedTo({ inputs }: OpenGraph, rows: readonly WeightFeeds[] = [this.feeds]): Record<string, HostTensor> {
    const fed = Object.entries(this.#parts.adapters.feeds(rows));
    return Object.fromEntries(fed.filter(([name]) => inputs.has(name)));
  }

  /** Runs a session, on the request's clock. */
  async #timed(
    { session }: OpenGraph,
    feeds: Record<string, HostTensor>,
    into?: Readonly<Record<string, HostTensor>>,
  ): Promise<Record<string, HostTensor>> {
    const started = performance.now();
    const results = await session.run(feeds, into);
    this.computedMs += performance.now() - started;
    await nextTask();
    return results;
  }
}
