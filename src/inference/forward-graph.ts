import { type Architecture, type HeadConfig, type RecurrentState, spanLogits } from "../families/index.ts";
import { add, type Dimension, input, mul, nodesOf, type Value } from "../graph/index.ts";
import {
  type AdapterPlan,
  type DerivedInput,
  type DropoutMask,
  keepMask,
  ModelContext,
  Scope,
  tokenMask,
} from "../nn/index.ts";
import { fullGraph, symbolic, type WholeSizes, wholeGraphs } from "./decode-graph.ts";
import { headLoss, languageModelLoss } from "./loss.ts";
import { stateInputs } from "./recurrent-decoder.ts";
import { recurrentSeq2seqForward } from "./recurrent-seq2seq-decoder.ts";

/** A whole pass over whole rows, by the names that `lectern forward` writes. */
export interface ForwardGraph {
  /** The results of the head. */
  readonly heads: Readonly<Record<string, Value>>;
  readonly hiddenStates: Readonly<Record<string, readonly Value[]>>;
  readonly attentions: Readonly<Record<string, readonly Value[]>>;
  /** Over the input `labels`, or `start_positions` and `end_positions`; undefined where there is no head. */
  readonly loss: Value | undefined;
  /** A term that the model adds to any loss. */
  readonly auxiliaryLoss?: Value | undefined;
  /** The input `labels`, where the loss reads one. */
  readonly labels: Value | undefined;
  readonly derived: readonly DerivedInput[];
  /** Inputs derived from the decoder's rows, where there is an encoder too. */
  readonly decoderDerived?: readonly DerivedInput[];
  /** Random masks to be fed, where values are dropped. */
  readonly dropouts: readonly DropoutMask[];
  /** Of a recurrent language model: what each layer remembers at the end. */
  readonly states?: readonly RecurrentState[];
}

/**
 * The sizes and options of a pass. Sizes are numbers for training, and where a recurrence is written out step by
 * step.
 */
export interface ForwardGraphOptions extends WholeSizes {
  /** The linear layers that are adapted. */
  readonly plan?: AdapterPlan | undefined;
}

export function forwardGraph(architecture: Architecture, options: ForwardGraphOptions = symbolic): ForwardGraph {
  const adapterDrops: DropoutMask[] = [];
  const plan = options.plan && options.dropout ? droppingPlan(options.plan, adapterDrops) : options.plan;
  const root = new Scope("", new Map(), plan);
  if (architecture.kind === "recurrent-encoder-decoder") {
    const steps = typeof options.steps === "number" ? options.steps : 1;
    return translatorGraph(architecture, { ...options, steps }, root);
  }
  if (architecture.kind === "recurrent") return recurrentPass(architecture, options, root);
  const graph =
    architecture.kind === "decoder"
      ? decoderPass(architecture, options, root)
      : architecture.kind === "encoder"
        ? encoderPass(architecture, options, root)
        : encoderDecoderPass(architecture, options, root);
  const inputs = nodesOf(graph.loss ? [graph.loss] : []).flatMap((node) => node.inputs);
  const dropouts = [...graph.dropouts, ...adapterDrops];
  return {
    ...graph,
    dropouts,
    labels: inputs.find(({ source }) => source.kind === "input" && source.name === "labels"),
  };
}

function dropShare(prefix: string, x: Value, share: number, masks: DropoutMask[]): Value {
  const keep = keepMask(prefix, x.shape, share, masks);
  return keep ? mul(x, keep) : x;
}

/** A plan whose adapters drop what they read, as their settings say; the masks are noted. */
function droppingPlan(plan: AdapterPlan, masks: DropoutMask[]): AdapterPlan {
  return (path) => {
    const adapter = plan(path);
    if (adapter?.kind !== "learned" || !adapter.dropout) return adapter;
    const { dropout } = adapter;
    return { ...adapter, drop: (x) => dropShare("adapter_dropout", x, dropout, masks) };
  };
}

function decoderPass(
  { family, config }: Architecture & { kind: "decoder" },
  options: ForwardGraphOptions,
  root: Scope,
): Omit<ForwardGraph, "labels"> {
  const graph = fullGraph(family, config, { ...options, root });
  const { heads = { logits: graph.logits }, hiddenStates, attentions, derived, dropouts = [], auxiliaryLoss } = graph;
  const own = headLoss(config.head, heads);
  const loss = own && auxiliaryLoss ? add(own, auxiliaryLoss) : own;
  return {
    auxiliaryLoss,
    heads,
    hiddenStates: { hidden_states: hiddenStates },
    attentions: { attentions },
    loss,
    derived,
    dropouts,
  };
}

function encoderPass(
  { family, config }: Architecture & { kind: "encoder" },
  { batch, queries, dropout = false }: ForwardGraphOptions,
  root: Scope,
): Omit<ForwardGraph, "labels"> {
  const context = new ModelContext({
    batch,
    queries,
    numLayers: config.numHiddenLayers,
    logits: "all",
    direction: config.isCausal ? "causal" : "both",
    dropout,
  });
  const heads = family.model(root, config, context);
  const { hiddenStates, attentions } = context;
  const loss = headLoss(config.head, heads, () => tokenMask(context));
  return {
    heads,
    hiddenStates: { hidden_states: hiddenStates },
    attentions: { attentions },
    loss,
    derived: [...context.derived.values()],
    dropouts: context.dropouts,
  };
}

function encoderDecoderPass(
  { family, config }: Architecture & { kind: "encoder-decoder" },
  options: ForwardGraphOptions,
  root: Scope,
): Omit<ForwardGraph, "labels"> {
  const sizes = typeof options.queries === "number" ? options : { ...options, queries: "S" };
  const { encoder, states, context, decoder } = wholeGraphs(family.model, config, root, sizes);
  const heads = decoderHeads(config.head.kind, decoder.logits);
  const loss =
    config.head.kind === "lm"
      ? languageModelLoss(decoder.logits, input("labels", "int64", decoder.logits.shape.slice(0, 2)))
      : headLoss(config.head, heads, () => tokenMask(encoder));
  return {
    heads: { ...heads, encoder_last_hidden_state: states },
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
    dropouts: [...encoder.dropouts, ...context.dropouts],
  };
}

/** The results of a decoder beside an encoder, by its head, under the names that `lectern forward` writes. */
function decoderHeads(kind: HeadConfig["kind"], result: Value): Record<string, Value> {
  if (kind === "none") return { last_hidden_state: result };
  return kind === "question-answering" ? spanLogits(result) : { logits: result };
}

function recurrentPass(
  architecture: Architecture & { kind: "recurrent" },
  { batch, queries, dropout = false }: ForwardGraphOptions,
  root: Scope,
): ForwardGraph {
  const { family, config } = architecture;
  const dropouts: DropoutMask[] = [];
  const drop = (x: Value, share: number): Value => dropShare("dropout", x, share, dropouts);
  const ids = input("input_ids", "int64", [batch, queries]);
  const result = family.model(root, config, ids, stateInputs(architecture, batch), dropout ? drop : undefined);
  const logits = result.logits(result.hidden);
  const labels = input("labels", "int64", [batch, queries]);
  return {
    heads: { logits },
    hiddenStates: { hidden_states: result.hiddenStates },
    attentions: {},
    loss: languageModelLoss(logits, labels),
    labels,
    derived: [],
    dropouts,
    states: result.states,
  };
}

function translatorGraph(
  architecture: Architecture & { kind: "recurrent-encoder-decoder" },
  sizes: { batch: Dimension; queries: Dimension; steps: number },
  root: Scope,
): ForwardGraph {
  const { logits, memory, weights } = recurrentSeq2seqForward(architecture, sizes, root);
  const labels = input("labels", "int64", [sizes.batch, sizes.steps]);
  return {
    heads: { logits, encoder_last_hidden_state: memory },
    hiddenStates: {},
    attentions: { cross_attentions: [weights] },
    loss: languageModelLoss(logits, labels),
    labels,
    derived: [],
    dropouts: [],
  };
}
