import {
  add,
  attend,
  attendJoined,
  cachedAttention,
  concat,
  type Dimension,
  input,
  mul,
  reshape,
  rotary,
  rotaryAt,
  type Shape,
  scalar,
  scaleBytes,
  slice,
  split,
  type Value,
  zerosLike,
} from "../graph/index.ts";
import { type AttendOptions, withGlobal } from "./global-attention.ts";
import { type KeptState, stateName } from "./kept-state.ts";
import { joinHeads, pairsApart, splitHeads } from "./layers.ts";
import {
  allRotaryTables,
  bidirectionalBias,
  causalBias,
  type Derivation,
  type DerivedInput,
  DerivedInputs,
  type GlobalTokens,
  lastKey,
  longestRow,
  type PositionContext,
  paddingBias,
  positionIds,
  rotaryTables,
  sparseBias,
  tokenMask,
} from "./positions/index.ts";
import { fixedUpTo, isFixed, type RotaryConfig } from "./rotary-frequencies.ts";

/** The use that a model is built for. Sizes may be names; training gives numbers. */
export interface BuildOptions {
  /** The number of rows. */
  readonly batch: Dimension;
  /** The number of new tokens in each row. */
  readonly queries: Dimension;
  /** The number of layers. */
  readonly numLayers: number;
  /** Decoding over a cache: the shape of the earlier keys and values of every layer. */
  readonly cache?: {
    readonly keyHeads: number;
    readonly headSize: number;
    /** True if a part of it, the first, is shared by all rows. */
    readonly isShared?: boolean;
    /** True if new keys and values are written into it; else they are results beside it. */
    readonly isInPlace?: boolean;
    /** True if the results are the earlier keys and values with the new ones behind them. */
    readonly isJoined?: boolean;
  };
  /** The positions whose logits are wanted: all, the last alone, or those that a function takes of `[B, T, E]`. */
  readonly logits: "all" | "last" | ((hidden: Value) => Value);
  /** The tokens that a token sees: those before it, or all; default causal. */
  readonly direction?: "causal" | "both";
  /** The prefix of a decoder's inputs, where an encoder has the plain names. */
  readonly prefix?: "decoder_";
  /**
   * Keys and values of the encoder's states: fed, as in decoding, or computed, or made of those of a layer that are
   * computed.
   */
  readonly memory?: "fed" | "computed" | ((index: number, computed: KeyValue) => KeyValue);
  /** The number of tokens that the encoder read; default any. */
  readonly memoryLength?: Dimension;
  /** True if values are dropped at random, as in training; sizes must be numbers then. */
  readonly dropout?: boolean;
  /** True if the caller says which tokens of an encoder see all. */
  readonly hasGlobalTokens?: boolean | undefined;
  /** True if what each head of a layer yields is multiplied by an input `head_mask.LAYER` `[1, H, 1, 1]`. */
  readonly headMask?: boolean;
}

/** A mask of the entries of a value that stay: an input that training draws anew for each step. */
export interface DropoutMask {
  /** The input's name: uint8, 1 stays, 0 is dropped. */
  readonly name: string;
  /** The shape of the mask. */
  readonly shape: readonly number[];
  /** The dropout rate in 256ths: a mask of random bytes has no finer ones. */
  readonly rate256: number;
}

/** The scaled dropout mask for values of a shape, whose input is added to the others; undefined for a rate of 0. */
export function dropoutMask(prefix: string, shape: Shape, rate: number, masks: DropoutMask[]): Value | undefined {
  const rate256 = Math.round(rate * 256);
  if (rate256 === 0) return undefined;
  const name = `${prefix}.${masks.length}`;
  masks.push({ name, shape: shape as readonly number[], rate256 });
  return scaleBytes(input(name, "uint8", shape), 256 / (256 - rate256));
}

/** The values that a built model yields; a run takes those it needs as outputs. */
export interface ModelOutputs {
  /** `[B, T, V]`, or `[B, 1, V]` if only the last position is requested. */
  readonly logits: Value;
  /** `[B, T, E]`: what enters each layer, then what leaves the model. */
  readonly hiddenStates: readonly Value[];
  /** `[B, H, T, S]` of each layer. */
  readonly attentions: readonly Value[];
  /** Of each layer, the new rows `[B, K, T, D]`, to be written into the cache, or, in place, the whole cache. */
  readonly cache: readonly KeyValue[];
  /** The states of layers beside keys and values, in the order in which they are built. */
  readonly states: readonly KeptState[];
  /** `[B, H, T, S]` of each layer, over the encoder's states. */
  readonly crossAttentions: readonly Value[];
  /** The keys and values `[B, H, S, D]` of the encoder's states, of each layer. */
  readonly crossCache: readonly KeyValue[];
  /** Applies the head to the last token's state as it enters a layer: `[B, 1, V]`. */
  readonly earlyLogits: (layer: number) => Value;
  /** Results of a head that is not over words, by their names; logits mean nothing then. */
  readonly heads?: Readonly<Record<string, Value>>;
}

/** The keys and values of an attention layer. */
export interface KeyValue {
  /** `[B, K, T, D]` */
  readonly key: Value;
  /** `[B, K, T, D]` */
  readonly value: Value;
}

/**
 * What differs by use and not by model: the inputs, the cache, what is recorded for who looks inside.
 * A model asks its context and never which use it is built for.
 */
export class ModelContext implements PositionContext {
  /** `[B, T]`, the token ids. */
  readonly inputIds: Value;
  /** The hidden states recorded so far. */
  readonly hiddenStates: Value[] = [];
  /** The attention weights recorded so far. */
  readonly attentions: Value[] = [];
  /** The new keys and values of each layer. */
  readonly cache: KeyValue[] = [];
  /** The states of layers beside keys and values. */
  readonly states: KeptState[] = [];
  /** The cross-attention weights recorded so far. */
  readonly crossAttentions: Value[] = [];
  /** The keys and values of the encoder's states, of each layer. */
  readonly crossCache: KeyValue[] = [];
  readonly #options: BuildOptions;
  readonly #derived = new DerivedInputs();
  /** A term that a model adds to the loss of its head; built where a loss is wanted. */
  auxiliaryLoss: (() => Value) | undefined;
  /** The states that leave the last layer, before a final norm. */
  leaving: Value | undefined;
  /** Inputs of random masks. */
  readonly dropoutMasks: DropoutMask[] = [];
  /** Queries and keys before they were turned, by what they became, where the cache is written in place. */
  readonly #turned = new WeakMap<Value, { readonly x: Value; readonly config: RotaryConfig }>();
  /** The text length in tokens up to which the keys of a token do not depend on it. */
  keysFixedUpTo = Number.POSITIVE_INFINITY;

  constructor(options: BuildOptions) {
    this.#options = options;
    this.inputIds = input(`${options.prefix ?? ""}input_ids`, "int64", [options.batch, options.queries]);
  }

  /** Inputs that follow from positions; whoever runs the graph computes and feeds them. */
  get derived(): ReadonlyMap<string, DerivedInput> {
    return this.#derived.all;
  }

  get batch(): Dimension {
    return this.#options.batch;
  }

  get queries(): Dimension {
    return this.#options.queries;
  }

  get span(): Dimension {
    const { queries, cache } = this.#options;
    if (!cache) return queries;
    if (cache.isInPlace) return "L";
    return cache.isShared ? `Q+P+${queries}` : `P+${queries}`;
  }

  /** The tokens that see all: those of the caller, or those of the model's head, if it has any. */
  globalTokens(own: GlobalTokens | undefined): GlobalTokens | undefined {
    return this.#options.hasGlobalTokens ? { are: "given" } : own;
  }

  derive<P extends object>(name: string, parameters: P, derivation: Derivation<P>): Value {
    return this.#derived.derive(`${this.#options.prefix ?? ""}${name}`, parameters, derivation);
  }

  /**
   * What tokens see: the bias `[B, 1, T, S]` of the model's direction, limited to `window` where one is given. Padding
   * sees as tokens do, or nothing.
   */
  attentionBias(window?: number, hidesAllFromPadding = false, globalTokens?: GlobalTokens): Value {
    if (this.#options.direction !== "both") return this.causalBias(window);
    return bidirectionalBias(this, { localAttention: window, hidesAllFromPadding, globalTokens });
  }

  /** The causal bias `[B, 1, T, S]`, limited to `window` positions where one is given. */
  causalBias(window?: number): Value {
    return causalBias(this, window);
  }

  /**
   * Turns queries or keys `[B, H, T, D]` by their positions, or the first dimensions of each head. Interleaved pairs come out
   * as halves, in queries and keys alike, so that scores are the same.
   */
  rotate(x: Value, config: RotaryConfig): Value {
    if (config.size === 0) return x;
    if (config.isInterleaved) x = pairsApart(x, config.size);
    this.keysFixedUpTo = Math.min(this.keysFixedUpTo, fixedUpTo(config));
    if (this.#options.cache?.isInPlace && isFixed(config)) {
      const heads = x.shape[1] as number;
      const { cos, sin } = allRotaryTables(this, config);
      const turned = splitHeads(rotaryAt(joinHeads(x), positionIds(this), cos, sin, heads), heads);
      this.#turned.set(turned, { x, config });
      return turned;
    }
    const { cos, sin } = rotaryTables(this, config);
    const rest = (x.shape[3] as number) - config.size;
    if (rest === 0) return rotary(x, cos, sin);
    const [turning, fixed] = split(x, [config.size, rest], -1) as [Value, Value];
    return concat([rotary(turning, cos, sin), fixed], -1);
  }

  /** Applies dropout of a rate in training (Srivastava et al., 2014); else nothing. */
  dropout(x: Value, rate: number): Value {
    const mask = this.#dropoutMask(x.shape, rate);
    return mask ? mul(x, mask) : x;
  }

  /** The scaled dropout mask for values of a shape; undefined where nothing is dropped. */
  #dropoutMask(shape: Shape, rate: number): Value | undefined {
    return this.#options.dropout
      ? dropoutMask(`${this.#options.prefix ?? ""}dropout`, shape, rate, this.dropoutMasks)
      : undefined;
  }

  /** Passes x through every layer, noting what enters each. */
  throughLayers(x: Value, layer: (x: Value, index: number) => Value): Value {
    for (let index = 0; index < this.#options.numLayers; index++) {
      this.hiddenStates.push(x);
      x = layer(x, index);
    }
    this.leaving = x;
    return x;
  }

  /** Attention of the layer being built, over its cache where there is one; `bias` is added to what tokens see. */
  attend(
    q: Value,
    k: Value,
    v: Value,
    { scale, window, softcap, bias, sinks, dropout = 0, hidesAllFromPadding, blocks, global }: AttendOptions,
  ): Value {
    if (this.#options.cache?.isInPlace) return this.#attendInPlace(q, k, v, { scale, softcap, window, bias, sinks });
    const index = this.cache.length;
    const past = this.#options.cache && this.#past(index);
    const seen = blocks ? sparseBias(this, blocks) : this.attentionBias(window, hidesAllFromPadding, global?.tokens);
    if (past && this.#options.cache?.isJoined) {
      const operands = [q, k, v, bias ? add(seen, bias) : seen] as const;
      const { mixed, cache } = attendJoined(operands, past[0] as KeyValue, { scale, softcap, sinks });
      this.cache.push(cache);
      return mixed;
    }
    const maskOf = (q: Value): Value | undefined =>
      this.#dropoutMask([...q.shape.slice(0, 3), k.shape[2] as Dimension], dropout);
    const own = attend(q, k, v, bias ? add(seen, bias) : seen, {
      scale,
      softcap,
      sinks,
      past,
      causal: this.#options.direction !== "both" && !this.#options.cache,
      dropoutMask: maskOf(q),
    });
    const { mixed, weights } = global ? withGlobal(this, own, global, { scale, maskOf }) : own;
    this.cache.push({ key: k, value: v });
    this.attentions.push(weights);
    if (!this.#options.headMask) return mixed;
    return mul(mixed, input(`head_mask.${index}`, "float32", [1, q.shape[1] as Dimension, 1, 1]));
  }

  #attendInPlace(
    q: Value,
    k: Value,
    v: Value,
    options: {
      readonly scale: number;
      readonly softcap?: number | undefined;
      readonly window?: number | undefined;
      readonly bias?: Value | undefined;
      readonly sinks?: Value | undefined;
    },
  ): Value {
    const [past] = this.#past(this.cache.length) as [KeyValue];
    const [last, longest] = [lastKey(this), longestRow(this)];
    const [turned, turnedKeys] = [this.#turned.get(q), this.#turned.get(k)];
    const isTurned = turned !== undefined && turned.config === turnedKeys?.config;
    const operands = [isTurned ? turned.x : q, isTurned ? turnedKeys.x : k, v].map(joinHeads);
    const [heads, keyHeads] = [q.shape[1] as number, k.shape[1] as number];
    const rotary = isTurned ? allRotaryTables(this, turned.config) : undefined;
    const attended = { heads, keyHeads, ...options, rotary };
    const { mixed, cache } = cachedAttention(operands as [Value, Value, Value], past, { last, longest }, attended);
    this.cache.push(cache);
    return splitHeads(mixed, heads);
  }

  /**
   * Passes what a layer keeps of the tokens before, `[B, …shape]`, through the layer's own step, and notes what it keeps
   * then. A text begins with `first` everywhere.
   */
  keep(shape: readonly number[], step: (before: Value) => readonly [result: Value, after: Value], first = 0): Value {
    const { batch, cache } = this.#options;
    const whole = [batch, ...shape];
    const fed = cache && input(stateName("past", this.states.length), "float32", whole);
    const zeros = zerosLike({ dtype: "float32", shape: whole });
    const [result, after] = step(fed ?? (first === 0 ? zeros : add(zeros, scalar(first))));
    this.states.push({ shape, first, after });
    return result;
  }

  /** States `[B, T, E]` with zeros for padding, so that no layer keeps anything of it; a cache has no padding. */
  withoutPadding(x: Value): Value {
    if (this.#options.cache) return x;
    const [batch, length] = x.shape as [Dimension, Dimension];
    return mul(x, reshape(tokenMask(this), [batch, length, 1]));
  }

  /** Attention over the encoder's states, whose keys and values `[B, H, S, D]` are computed once a sequence. */
  attendAcross(
    q: Value,
    keyValue: () => [key: Value, value: Value],
    { scale, dropout = 0 }: { scale: number; dropout?: number },
  ): Value {
    const { batch, memory, memoryLength = "S" } = this.#options;
    const index = this.crossCache.length;
    const fed = (part: "key" | "value"): Value => {
      const [, heads, , size] = q.shape as [Dimension, number, Dimension, number];
      return input(`cross.${index}.${part}`, "float32", [batch, heads, memoryLength, size]);
    };
    const computed = (): KeyValue => {
      const [key, value] = keyValue();
      return typeof memory === "function" ? memory(index, { key, value }) : { key, value };
    };
    const { key, value } = memory === "fed" ? { key: fed("key"), value: fed("value") } : computed();
    const { mixed, weights } = attend(q, key, value, paddingBias(this, memoryLength), {
      scale,
      dropoutMask: this.#dropoutMask([...q.shape.slice(0, 3), key.shape[2] as Dimension], dropout),
    });
    this.crossCache.push({ key, value });
    this.crossAttentions.push(weights);
    return mixed;
  }

  /** Closes the model: notes what leaves it and applies the head, to every position or the last. */
  output(hidden: Value, head: (x: Value) => Value): ModelOutputs {
    this.hiddenStates.push(hidden);
    const last = (states: Value): Value => slice(states, 1, -1, Number.MAX_SAFE_INTEGER);
    const { hiddenStates, attentions, cache, states, crossAttentions, crossCache } = this;
    const { logits: wanted } = this.#options;
    const read = typeof wanted === "function" ? wanted(hidden) : wanted === "last" ? last(hidden) : hidden;
    const logits = head(read);
    const earlyLogits = (layer: number): Value => head(last(hiddenStates[layer] as Value));
    return { logits, hiddenStates, attentions, cache, states, crossAttentions, crossCache, earlyLogits };
  }

  #past(index: number): KeyValue[] {
    const { batch, cache } = this.#options as BuildOptions & { cache: NonNullable<BuildOptions["cache"]> };
    const part = (name: string, rows: Dimension, length: string): KeyValue => {
      const of = (side: "key" | "value"): Value =>
        input(`${name}.${index}.${side}`, "float32", [rows, cache.keyHeads, length, cache.headSize]);
      return { key: of("key"), value: of("value") };
    };
    const own = part("past", batch, cache.isInPlace ? "C" : "P");
    return cache.isShared ? [part("shared", 1, "Q"), own] : [own];
  }
}
