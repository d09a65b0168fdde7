import { differentiate } from "../autodiff/index.ts";
import { check } from "../common/index.ts";
import { crossEntropy, type Dimension, input, reshape, type Value } from "../graph/index.ts";
import { lowerGraph } from "../lower/index.ts";
import type { DecoderConfig, Family } from "../models/index.ts";
import { positionsOfMask } from "../nn/index.ts";
import { createSession, type EngineSession } from "../runtime/index.ts";
import { type HostTensor, int64Matrix } from "../tensor/index.ts";
import { deriveFeeds, fullGraph, type ModelGraph } from "./model-graph.ts";
import { parametersOf, type Weights } from "./weights.ts";

/** Whole rows of ids, padded to one length where a mask says so. */
export interface ForwardInputs {
  /** `[B][T]` */
  readonly inputIds: readonly (readonly number[])[];
  /** `[B][T]`, 1 = token, 0 = padding, on either side; default all 1. */
  readonly attentionMask?: readonly (readonly number[])[];
  /** `[B][T]`, as transformers takes them: shifted inside, −100 is not counted. */
  readonly labels?: readonly (readonly number[])[];
}

export interface ForwardOptions {
  readonly hiddenStates?: boolean;
  readonly attentions?: boolean;
  /** Also the gradient of the loss by every parameter; needs labels. */
  readonly gradients?: boolean;
}

export interface ForwardResult {
  /** `[B, T, V]` */
  readonly logits: HostTensor<"float32">;
  /** Layers + 1 of `[B, T, E]`: what enters each layer, then what leaves the model. */
  readonly hiddenStates?: HostTensor<"float32">[];
  /** One `[B, H, T, S]` a layer. */
  readonly attentions?: HostTensor<"float32">[];
  readonly loss?: number;
  /** By the parameter's name in the checkpoint. */
  readonly gradients?: Record<string, HostTensor<"float32">>;
}

/** One use of the full forward pass: a session is made for each on first need. */
export class ForwardPass {
  readonly #sessions = new Map<string, Promise<EngineSession>>();
  readonly #graph: ModelGraph;
  readonly #weights: Weights;
  readonly #threads: number | undefined;

  constructor(family: Family, config: DecoderConfig, weights: Weights, threads?: number) {
    this.#graph = fullGraph(family, config);
    this.#weights = weights;
    this.#threads = threads;
  }

  async run(inputs: ForwardInputs, options: ForwardOptions): Promise<ForwardResult> {
    const { labels } = inputs;
    check(!options.gradients || labels, "usage", () => "forward: gradients are of the loss, which needs labels");
    const session = await this.#session(labels !== undefined, options);
    const mask = inputs.attentionMask ?? inputs.inputIds.map((row) => row.map(() => 1));
    const feeds: Record<string, HostTensor> = {
      input_ids: int64Matrix(inputs.inputIds),
      ...deriveFeeds(this.#graph.derived, positionsOfMask(mask)),
    };
    if (labels) feeds.labels = int64Matrix(labels.map((row) => [...row.slice(1), -100]));
    return this.#collect(await session.run(feeds));
  }

  async dispose(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).dispose();
  }

  #session(withLoss: boolean, options: ForwardOptions): Promise<EngineSession> {
    const key = JSON.stringify([withLoss, options.hiddenStates, options.attentions, options.gradients]);
    let session = this.#sessions.get(key);
    if (!session) {
      session = createSession(
        lowerGraph({ outputs: this.#outputs(withLoss, options), bind: (name) => this.#weights.bind(name) }),
        { prepack: false, threads: this.#threads },
      );
      this.#sessions.set(key, session);
    }
    return session;
  }

  #outputs(withLoss: boolean, options: ForwardOptions): Record<string, Value> {
    const { logits, hiddenStates, attentions } = this.#graph;
    let outputs: Record<string, Value> = { logits };
    if (options.hiddenStates) for (const [i, value] of hiddenStates.entries()) outputs[`hidden_states.${i}`] = value;
    if (options.attentions) for (const [i, value] of attentions.entries()) outputs[`attentions.${i}`] = value;
    if (!withLoss) return outputs;
    const loss = languageModelLoss(logits, input("labels", "int64", ["B", "T"]));
    if (!options.gradients) return { ...outputs, loss };
    const parameters = parametersOf([loss]);
    const result = differentiate({ ...outputs, loss }, [...parameters.values()]);
    outputs = result.outputs;
    for (const [i, name] of [...parameters.keys()].entries())
      outputs[`grad.${this.#weights.stored(name)}`] = result.gradients[i] as Value;
    return outputs;
  }

  #collect(results: Record<string, HostTensor>): ForwardResult {
    const numbered = (prefix: string): HostTensor<"float32">[] => {
      const found = Object.entries(results).filter(([name]) => name.startsWith(prefix));
      return found.map(([, tensor]) => tensor as HostTensor<"float32">);
    };
    const hiddenStates = numbered("hidden_states.");
    const attentions = numbered("attentions.");
    const gradients = Object.entries(results).filter(([name]) => name.startsWith("grad."));
    return {
      logits: results.logits as HostTensor<"float32">,
      ...(hiddenStates.length > 0 && { hiddenStates }),
      ...(attentions.length > 0 && { attentions }),
      ...(results.loss && { loss: Number(results.loss.data[0]) }),
      ...(gradients.length > 0 && {
        gradients: Object.fromEntries(gradients.map(([name, t]) => [name.slice(5), t as HostTensor<"float32">])),
      }),
    };
  }
}

/**
 * The mean cross entropy of next tokens.
 * @param logits `[B, T, V]`
 * @param labels int64 `[B, T]`, already shifted: the label of position t is the token at t + 1
 */
export function languageModelLoss(logits: Value, labels: Value): Value {
  const [batch, length, vocabulary] = logits.shape as [Dimension, Dimension, number];
  const rows = typeof batch === "number" && typeof length === "number" ? batch * length : `${batch}*${length}`;
  return crossEntropy(reshape(logits, [rows, vocabulary]), reshape(labels, [rows]));
}
