import type {
  ArchitectureOf,
  DecoderConfig,
  EncoderDecoderConfig,
  EncoderDecoderFamily,
  Family,
} from "../families/index.ts";
import { type Dimension, input, type Value } from "../graph/index.ts";
import {
  type AdapterPlan,
  type DerivedInput,
  type DropoutMask,
  ModelContext,
  type ModelOutputs,
  type Positions,
  Scope,
} from "../nn/index.ts";
import type { HostTensor } from "../tensor/index.ts";

/** A model's graph for one use, and what must be fed to it beside ids. */
export interface ModelGraph extends ModelOutputs {
  readonly derived: readonly DerivedInput[];
  readonly dropoutMasks?: readonly DropoutMask[];
  /** A term that is added to the loss of the head. */
  readonly auxiliaryLoss?: Value | undefined;
  /** The states that leave the last layer, before a final norm. */
  readonly leaving?: Value | undefined;
}

/** The graph of whole rows: logits of every position. */
export function fullGraph(
  family: Family,
  config: DecoderConfig,
  { batch, queries, dropout = false, headMask = false, root }: WholeSizes & { readonly root?: Scope } = symbolic,
): ModelGraph {
  const numLayers = config.numHiddenLayers;
  const context = new ModelContext({ batch, queries, numLayers, logits: "all", dropout, headMask });
  const outputs = build(family, config, context, root);
  const auxiliaryLoss = context.auxiliaryLoss?.();
  return { ...outputs, derived: [...context.derived.values()], auxiliaryLoss, leaving: context.leaving };
}

/** The sizes of whole rows: names where any size may come, numbers for training. */
export interface WholeSizes {
  readonly batch: Dimension;
  readonly queries: Dimension;
  /** The number of tokens that a decoder beside an encoder reads. */
  readonly steps: Dimension;
  /** True if values are dropped at random. */
  readonly dropout?: boolean;
  /** True if what heads yield is multiplied by inputs `head_mask.LAYER`. */
  readonly headMask?: boolean;
  /** True if the caller says which tokens of an encoder see all. */
  readonly hasGlobalTokens?: boolean | undefined;
}

export const symbolic: WholeSizes = { batch: "B", queries: "T", steps: "T" };

/** The use that a decoding graph is built for. */
export interface CachedUse {
  /** The tokens whose logits are wanted; default the last. */
  readonly logits?: "last" | "all";
  readonly isShared?: boolean | undefined;
  /** True if new keys and values are to be written into the cache, where the model's attention allows it. */
  readonly isInPlace?: boolean;
  readonly plan?: AdapterPlan | undefined;
  /** True if the caller says which tokens of an encoder see all. */
  readonly hasGlobalTokens?: boolean | undefined;
}

/** A graph over a cache. */
export interface CachedGraph extends ModelGraph {
  /** True if it writes into the cache. */
  readonly isInPlace: boolean;
  /** The text length in tokens up to which the keys of a token do not depend on it. */
  readonly keysFixedUpTo: number;
}

/** The graph of new tokens over a cache: logits of the last one, or of all. */
function cachedGraph(family: Family, config: DecoderConfig, use: CachedUse = {}): CachedGraph {
  const { logits = "last", isShared = false, isInPlace = false, plan } = use;
  const cache = { keyHeads: config.numKeyValueHeads, headSize: config.headSize, isShared, isInPlace };
  const context = new ModelContext({ batch: "B", queries: "T", numLayers: config.numHiddenLayers, cache, logits });
  const graph = build(family, config, context, new Scope("", new Map(), plan));
  return { ...graph, isInPlace, keysFixedUpTo: context.keysFixedUpTo };
}

/** A model that decodes over a cache: its sizes, and its graphs for a use. */
export interface CachedModel {
  readonly config: Pick<DecoderConfig, "vocabSize" | "maxPositionEmbeddings" | "numKeyValueHeads" | "headSize">;
  /** The text length up to which keys stay as they were computed. */
  readonly cacheIsGoodTo?: number | undefined;
  /** The graph of a step, and, in an encoder–decoder, that of what is computed once a sequence. */
  graphs(use: CachedUse): { readonly step: CachedGraph; readonly memory?: ModelGraph };
}

export function cachedDecoder({ family, config }: ArchitectureOf<"decoder">): CachedModel {
  const { cacheIsGoodTo } = config;
  return { config, cacheIsGoodTo, graphs: (use) => ({ step: cachedGraph(family, config, use) }) };
}

export function cachedEncoderDecoder({ family, config }: ArchitectureOf<"encoder-decoder">): CachedModel {
  return {
    config,
    graphs: (use) => encoderDecoderGraphs(family, config, use),
  };
}

function build(family: Family, config: DecoderConfig, context: ModelContext, root = new Scope()): ModelGraph {
  const outputs = family.model(root, config, context);
  return { ...outputs, derived: [...context.derived.values()], dropoutMasks: context.dropoutMasks };
}

/** An encoder–decoder's parts for decoding: what is computed once a sequence, and what at each step. */
function encoderDecoderGraphs(
  family: EncoderDecoderFamily,
  config: EncoderDecoderConfig,
  use: CachedUse = {},
): { readonly memory: ModelGraph; readonly step: CachedGraph } {
  const { model } = family;
  const { logits = "last", isInPlace = false, plan, hasGlobalTokens } = use;
  const sizes = { ...symbolic, queries: "S", hasGlobalTokens };
  const once = wholeGraphs(model, config, new Scope("", new Map(), plan), sizes);
  const cache = { keyHeads: config.numKeyValueHeads, headSize: config.headSize, isInPlace };
  const context = new ModelContext({
    batch: "B",
    queries: "T",
    numLayers: config.decoderLayers,
    cache,
    logits,
    prefix: "decoder_",
    memory: "fed",
  });
  const unread = input("encoder_states", "float32", ["B", "S", config.hiddenSize]);
  const outputs = model.decode(new Scope("", new Map(), plan), config, context, unread);
  return {
    memory: { ...once.decoder, derived: [...once.encoder.derived.values()] },
    step: { ...outputs, derived: [...context.derived.values()], isInPlace, keysFixedUpTo: context.keysFixedUpTo },
  };
}

/** An encoder–decoder over whole rows. */
export function wholeGraphs(
  model: EncoderDecoderFamily["model"],
  config: EncoderDecoderConfig,
  root: Scope,
  { batch, queries, steps, dropout = false, hasGlobalTokens }: WholeSizes,
): {
  readonly encoder: ModelContext;
  readonly states: Value;
  readonly context: ModelContext;
  readonly decoder: ModelOutputs;
} {
  const encoder = new ModelContext({
    batch,
    queries,
    numLayers: config.encoderLayers,
    logits: "all",
    direction: "both",
    dropout,
    hasGlobalTokens,
  });
  const states = model.encode(root, config, encoder);
  encoder.hiddenStates.push(states);
  const context = new ModelContext({
    batch,
    queries: steps,
    numLayers: config.decoderLayers,
    logits: "all",
    prefix: "decoder_",
    memoryLength: queries,
    dropout,
  });
  return { encoder, states, context, decoder: model.decode(root, config, context, states) };
}

/** Computes the inputs that follow from positions: of the model's own tokens, and, in a decoder, of its encoder's. */
export function deriveFeeds(
  derived: readonly DerivedInput[],
  positions: Positions,
  ofEncoder?: Positions,
): Record<string, HostTensor> {
  return Object.fromEntries(
    derived.map(({ name, of, compute }) => [name, compute(of === "encoder" ? (ofEncoder as Positions) : positions)]),
  );
}
