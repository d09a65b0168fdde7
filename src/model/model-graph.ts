import type { Dimension } from "../graph/index.ts";
import type { DecoderConfig, Family } from "../models/index.ts";
import { type DerivedInput, ModelContext, type ModelOutputs, type Positions, Scope } from "../nn/index.ts";
import type { HostTensor } from "../tensor/index.ts";

/** A model's graph for one use, and what must be fed to it beside ids. */
export interface ModelGraph extends ModelOutputs {
  readonly derived: readonly DerivedInput[];
}

/** The graph of whole rows: logits of every position. */
export function fullGraph(
  family: Family,
  config: DecoderConfig,
  batch: Dimension = "B",
  queries: Dimension = "T",
): ModelGraph {
  return build(family, config, new ModelContext({ batch, queries, numLayers: config.numHiddenLayers, logits: "all" }));
}

/** The graph of new tokens over a cache: logits of the last one. */
export function cachedGraph(family: Family, config: DecoderConfig): ModelGraph {
  const cache = { keyHeads: config.numKeyValueHeads, headSize: config.headSize };
  return build(
    family,
    config,
    new ModelContext({ batch: "B", queries: "T", numLayers: config.numHiddenLayers, cache, logits: "last" }),
  );
}

function build(family: Family, config: DecoderConfig, context: ModelContext): ModelGraph {
  const outputs = family.model(new Scope(), config, context);
  return { ...outputs, derived: [...context.derived.values()] };
}

/** What follows from positions, computed. */
export function deriveFeeds(derived: readonly DerivedInput[], positions: Positions): Record<string, HostTensor> {
  return Object.fromEntries(derived.map(({ name, compute }) => [name, compute(positions)]));
}
