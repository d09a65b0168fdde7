import type { Architecture, RecurrentState } from "../families/index.ts";
import { nodesOf, type Value } from "../graph/index.ts";
import { type AdapterPlan, type DerivedInput, type DropoutMask, Scope } from "../nn/index.ts";
import { symbolic, type WholeSizes } from "./decode-graph.ts";
import { applyDropout } from "./dropout.ts";
import { runtimeOf } from "./kinds/index.ts";

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
  /** The states that leave the last layer of what has the head, before a final norm. */
  readonly leaving?: Value | undefined;
  /** The input `labels`, where the loss reads one. */
  readonly labels: Value | undefined;
  readonly derived: readonly DerivedInput[];
  /** Inputs derived from the decoder's rows, where there is an encoder too. */
  readonly decoderDerived?: readonly DerivedInput[];
  /** Random masks to be fed, where values are dropped. */
  readonly dropoutMasks: readonly DropoutMask[];
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
  const adapterMasks: DropoutMask[] = [];
  const plan = options.plan && options.dropout ? planWithDropout(options.plan, adapterMasks) : options.plan;
  const root = new Scope("", new Map(), plan);
  const graph = runtimeOf(architecture).forward.graph(options, root);
  const inputs = nodesOf(graph.loss ? [graph.loss] : []).flatMap((node) => node.inputs);
  const dropoutMasks = [...graph.dropoutMasks, ...adapterMasks];
  return {
    ...graph,
    dropoutMasks,
    labels: inputs.find(({ source }) => source.kind === "input" && source.name === "labels"),
  };
}

/** A plan whose adapters apply dropout to what they read, as their settings say; the masks are noted. */
function planWithDropout(plan: AdapterPlan, masks: DropoutMask[]): AdapterPlan {
  return (path) => {
    const adapter = plan(path);
    if (adapter?.kind !== "learned" || !adapter.dropout) return adapter;
    const { dropout } = adapter;
    return { ...adapter, applyDropout: (x) => applyDropout("adapter_dropout", x, dropout, masks) };
  };
}
