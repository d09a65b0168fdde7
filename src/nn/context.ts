import { attend, concat, type Dimension, input, rotary, type Shape, slice, split, type Value } from "../graph/index.ts";
import {
  attentionBias,
  bothWaysBias,
  type DerivedInput,
  maskOf,
  positionIds,
  positionIdsBehindPadding,
  tokenTypeIds,
} from "./positions.ts";
import { type RotaryConfig, rotaryTable } from "./rotary-frequencies.ts";

/** What a model is built for. Sizes may be names; training gives numbers. */
export interface BuildOptions {
  readonly batch: Dimension;
  readonly queries: Dimension;
  readonly numLayers: number;
  /** Decoding over a cache: the shape of the earlier keys and values of every layer. */
  readonly cache?: { readonly keyHeads: number; readonly headSize: number };
  /** Whether logits are wanted of every position or of the last alone. */
  readonly logits: "all" | "last";
  /** Whether tokens see those before them only, or all; default causal. */
  readonly direction?: "causal" | "both";
}

/** The values that a built model yields; a run takes those it needs as outputs. */
export interface ModelOutputs {
  readonly logits: Value;
  /** `[B, T, E]`: what enters each layer, then what leaves the model. */
  readonly hiddenStates: readonly Value[];
  /** `[B, H, T, S]` of each layer. */
  readonly attentions: readonly Value[];
  /** The new rows `[B, K, T, D]` of each layer, to be written into the cache. */
  readonly cache: readonly { readonly key: Value; readonly value: Value }[];
}

/**
 * What differs by use and not by model: the inputs, the cache, what is recorded for who looks inside.
 * A model asks its context and never which use it is built for.
 */
export class ModelContext {
  readonly inputIds: Value;
  /** Inputs that follow from positions; whoever runs the graph computes and feeds them. */
  readonly derived = new Map<string, DerivedInput>();
  readonly hiddenStates: Value[] = [];
  readonly attentions: Value[] = [];
  readonly cache: { key: Value; value: Value }[] = [];
  readonly #options: BuildOptions;
  readonly #values = new Map<string, Value>();
  readonly #rotaries: RotaryConfig[] = [];

  constructor(options: BuildOptions) {
    this.#options = options;
    this.inputIds = input("input_ids", "int64", [options.batch, options.queries]);
  }

  /** Positions `[B, T]`, counted from the row's first token. */
  positionIds(): Value {
    const { batch, queries } = this.#options;
    return this.#derive({ name: "position_ids", compute: positionIds }, "int64", [batch, queries]);
  }

  /** Positions that leave padding out and count from behind its id, as RoBERTa's. */
  positionIdsBehindPadding(padTokenId: number): Value {
    const { batch, queries } = this.#options;
    const compute: DerivedInput["compute"] = (rows) => positionIdsBehindPadding(rows, padTokenId);
    return this.#derive({ name: "position_ids", compute }, "int64", [batch, queries]);
  }

  /** The segment `[B, T]` of each token. */
  tokenTypeIds(): Value {
    const { batch, queries } = this.#options;
    return this.#derive({ name: "token_type_ids", compute: tokenTypeIds }, "int64", [batch, queries]);
  }

  /** 1 for a token, 0 for padding: float32 `[B, T]`. */
  mask(): Value {
    const { batch, queries } = this.#options;
    return this.#derive({ name: "attention_mask", compute: maskOf }, "float32", [batch, queries]);
  }

  /** What tokens see: the bias `[B, 1, T, S]` of the model's direction, limited to `window` where one is given. */
  visibility(window?: number): Value {
    if (this.#options.direction !== "both") return this.causalBias(window);
    const { batch, queries } = this.#options;
    const name = window === undefined ? "attention_bias" : `attention_bias.reach_${window}`;
    const compute: DerivedInput["compute"] = (positions) => bothWaysBias(positions, window);
    return this.#derive({ name, compute }, "float32", [batch, 1, queries, queries]);
  }

  /** The causal bias `[B, 1, T, S]`, limited to `window` positions where one is given. */
  causalBias(window?: number): Value {
    const { batch, queries, cache } = this.#options;
    const span = cache ? `P+${queries}` : queries;
    const name = window === undefined ? "attention_bias" : `attention_bias.window_${window}`;
    const compute: DerivedInput["compute"] = (positions) => attentionBias(positions, window);
    return this.#derive({ name, compute }, "float32", [batch, 1, queries, span]);
  }

  /** Turns queries or keys `[B, H, T, D]` by their positions, or the first dimensions of each head. */
  rotate(x: Value, config: RotaryConfig): Value {
    const { batch, queries } = this.#options;
    const shape = [batch, 1, queries, config.size];
    if (!this.#rotaries.includes(config)) this.#rotaries.push(config);
    const suffix = this.#rotaries.indexOf(config) || "";
    const table = (part: "cos" | "sin"): Value =>
      this.#derive(
        { name: `rotary_${part}${suffix}`, compute: (at) => rotaryTable(config, part, at) },
        "float32",
        shape,
      );
    const rest = (x.shape[3] as number) - config.size;
    if (rest === 0) return rotary(x, table("cos"), table("sin"));
    const [turning, fixed] = split(x, [config.size, rest], -1) as [Value, Value];
    return concat([rotary(turning, table("cos"), table("sin")), fixed], -1);
  }

  /** Passes x through every layer, noting what enters each. */
  throughLayers(x: Value, layer: (x: Value, index: number) => Value): Value {
    for (let index = 0; index < this.#options.numLayers; index++) {
      this.hiddenStates.push(x);
      x = layer(x, index);
    }
    return x;
  }

  /** Attention of the layer being built, over its cache where there is one. */
  attend(
    q: Value,
    k: Value,
    v: Value,
    { scale, window, softcap }: { scale: number; window?: number | undefined; softcap?: number | undefined },
  ): Value {
    const index = this.cache.length;
    const past = this.#options.cache && { key: this.#past(index, "key"), value: this.#past(index, "value") };
    const { mixed, weights } = attend(q, k, v, this.visibility(window), { scale, softcap, past });
    this.cache.push({ key: k, value: v });
    this.attentions.push(weights);
    return mixed;
  }

  /** Closes the model: notes what leaves it and applies the head, to every position or the last. */
  output(hidden: Value, head: (x: Value) => Value): ModelOutputs {
    this.hiddenStates.push(hidden);
    const wanted = this.#options.logits === "last" ? slice(hidden, 1, -1, Number.MAX_SAFE_INTEGER) : hidden;
    const { hiddenStates, attentions, cache } = this;
    return { logits: head(wanted), hiddenStates, attentions, cache };
  }

  #past(index: number, part: "key" | "value"): Value {
    const { batch, cache } = this.#options as BuildOptions & { cache: { keyHeads: number; headSize: number } };
    return input(`past.${index}.${part}`, "float32", [batch, cache.keyHeads, "P", cache.headSize]);
  }

  #derive(derived: DerivedInput, dtype: "float32" | "int64", shape: Shape): Value {
    const known = this.#values.get(derived.name);
    if (known) return known;
    const value = input(derived.name, dtype, shape);
    this.derived.set(derived.name, derived);
    this.#values.set(derived.name, value);
    return value;
  }
}
