import { type Dimension, input, nodesOf, type Value } from "../graph/index.ts";
import type { Architecture } from "../models/index.ts";
import { type DerivedInput, ModelContext, Scope } from "../nn/index.ts";
import { headLoss, languageModelLoss } from "./loss.ts";
import { fullGraph, wholeGraphs } from "./model-graph.ts";
import { stateInputs } from "./recurrent-decoder.ts";
import { translatorPass } from "./recurrent-translator.ts";

/** A whole pass over whole rows, by the names that `lectern forward` writes. */
export interface PassGraph {
  /** What the head yields. */
  readonly heads: Readonly<Record<string, Value>>;
  readonly hiddenStates: Readonly<Record<string, readonly Value[]>>;
  readonly attentions: Readonly<Record<string, readonly Value[]>>;
  /** Over the input `labels`, or `start_positions` and `end_positions`; undefined where there is no head. */
  readonly loss: Value | undefined;
  /** The input `labels`, where the loss reads one. */
  readonly labels: Value | undefined;
  readonly derived: readonly DerivedInput[];
  /** What follows from the decoder's rows, where there is an encoder too. */
  readonly decoderDerived?: readonly DerivedInput[];
}

/** @param sizes numbers where the graph must be written out step by step, as for gradients of a recurrent model */
export function passGraph(
  architecture: Architecture,
  sizes: { batch: Dimension; queries: Dimension; steps: number } = { batch: "B", queries: "T", steps: 1 },
): PassGraph {
  if (architecture.kind === "recurrent-encoder-decoder") return translatorGraph(architecture, sizes);
  if (architecture.kind === "recurrent") return recurrentPass(architecture, sizes);
  const graph =
    architecture.kind === "decoder"
      ? decoderPass(architecture)
      : architecture.kind === "encoder"
        ? encoderPass(architecture)
        : encoderDecoderPass(architecture);
  const inputs = nodesOf(graph.loss ? [graph.loss] : []).flatMap((node) => node.inputs);
  return { ...graph, labels: inputs.find(({ source }) => source.kind === "input" && source.name === "labels") };
}

function decoderPass({ family, config }: Architecture & { kind: "decoder" }): Omit<PassGraph, "labels"> {
  const { logits, hiddenStates, attentions, derived } = fullGraph(family, config);
  const loss = languageModelLoss(logits, input("labels", "int64", ["B", "T"]));
  return {
    heads: { logits },
    hiddenStates: { hidden_states: hiddenStates },
    attentions: { attentions },
    loss,
    derived,
  };
}

function encoderPass({ family, config }: Architecture & { kind: "encoder" }): Omit<PassGraph, "labels"> {
  const context = new ModelContext({
    batch: "B",
    queries: "T",
    numLayers: config.numHiddenLayers,
    logits: "all",
    direction: "both",
  });
  const heads = family.model(new Scope(), config, context);
  const { hiddenStates, attentions } = context;
  const loss = headLoss(config.head, heads, () => context.mask());
  return {
    heads,
    hiddenStates: { hidden_states: hiddenStates },
    attentions: { attentions },
    loss,
    derived: [...context.derived.values()],
  };
}

function encoderDecoderPass({ family, config }: Architecture & { kind: "encoder-decoder" }): Omit<PassGraph, "labels"> {
  const { encoder, states, context, decoder } = wholeGraphs(family.model, config, new Scope());
  const { logits } = decoder;
  const loss =
    config.head.kind === "words"
      ? languageModelLoss(logits, input("labels", "int64", ["B", "T"]))
      : headLoss(config.head, { logits }, () => encoder.mask());
  return {
    heads: { logits, encoder_last_hidden_state: states },
    hiddenStates: {
      encoder_hidden_states: encoder.hiddenStates,
      decoder_hidden_states: decoder.hiddenStates,
    },
    attentions: {
      encoder_attentions: encoder.attentions,
      decoder_attentions: decoder.attentions,
      cross_attentions: decoder.crossAttentions,
    },
    loss,
    derived: [...encoder.derived.values()],
    decoderDerived: [...context.derived.values()],
  };
}

function recurrentPass(
  architecture: Architecture & { kind: "recurrent" },
  { batch, queries }: { batch: Dimension; queries: Dimension },
): PassGraph {
  const { family, config } = architecture;
  const ids = input("input_ids", "int64", [batch, queries]);
  const result = family.model(new Scope(), config, ids, stateInputs(architecture, batch));
  const logits = result.logits(result.hidden);
  const labels = input("labels", "int64", [batch, queries]);
  return {
    heads: { logits },
    hiddenStates: { hidden_states: result.hiddenStates },
    attentions: {},
    loss: languageModelLoss(logits, labels),
    labels,
    derived: [],
  };
}

function translatorGraph(
  architecture: Architecture & { kind: "recurrent-encoder-decoder" },
  sizes: { batch: Dimension; queries: Dimension; steps: number },
): PassGraph {
  const { logits, memory, weights } = translatorPass(architecture, sizes);
  const labels = input("labels", "int64", [sizes.batch, sizes.steps]);
  return {
    heads: { logits, encoder_last_hidden_state: memory },
    hiddenStates: {},
    attentions: { cross_attentions: [weights] },
    loss: languageModelLoss(logits, labels),
    labels,
    derived: [],
  };
}
