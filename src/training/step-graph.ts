import { differentiate } from "../autodiff/index.ts";
import { input } from "../graph/index.ts";
import { lowerGraph } from "../lower/index.ts";
import { deriveFeeds, fullGraph, languageModelLoss, parametersOf } from "../model/index.ts";
import type { DecoderConfig, Family } from "../models/index.ts";
import { type DerivedInput, positionsOfMask } from "../nn/index.ts";
import { createSession, type EngineSession } from "../runtime/index.ts";
import { type HostTensor, int64Matrix } from "../tensor/index.ts";

/** Weights by their path, changed in place by the optimizer. */
export type Parameters = Record<string, HostTensor<"float32">>;

/** Rows `[B][T + 1]` of tokens: the model reads the first T and predicts the last T. */
export interface Batch {
  readonly inputIds: readonly (readonly number[])[];
  /** `[B][T]`, shifted: the token that follows each position, −100 where it is not counted. */
  readonly targets: readonly (readonly number[])[];
  /** `[B][T]`; default all 1. */
  readonly attentionMask?: readonly (readonly number[])[];
}

/** The shapes of a model's parameters, by path. */
export function parameterShapes(family: Family, config: DecoderConfig): Map<string, readonly number[]> {
  const parameters = parametersOf([fullGraph(family, config).logits]);
  return new Map([...parameters].map(([name, value]) => [name, value.shape as readonly number[]]));
}

/** Loss and gradients of one batch shape, compiled once; parameters are fed and never copied. */
export class StepGraph {
  readonly #session: EngineSession;
  readonly #derive: (mask: readonly (readonly number[])[]) => Record<string, HostTensor>;

  private constructor(
    session: EngineSession,
    derive: (mask: readonly (readonly number[])[]) => Record<string, HostTensor>,
  ) {
    this.#session = session;
    this.#derive = derive;
  }

  /** Compiles for rows of one size; without gradients it evaluates. */
  static async create(
    family: Family,
    config: DecoderConfig,
    options: { rows: number; length: number; gradients: boolean; threads?: number | undefined },
  ): Promise<StepGraph> {
    const { rows, length } = options;
    const graph = fullGraph(family, config, rows, length);
    const loss = languageModelLoss(graph.logits, input("targets", "int64", [rows, length]));
    const parameters = parametersOf([loss]);
    const result = options.gradients
      ? differentiate({ loss }, [...parameters.values()])
      : { outputs: { loss }, gradients: [] };
    const gradients = Object.fromEntries(
      result.gradients.map((value, i) => [`grad.${[...parameters.keys()][i]}`, value]),
    );
    const lowered = lowerGraph({ outputs: { ...result.outputs, ...gradients }, bind: () => ({ kind: "input" }) });
    const session = await createSession(lowered, { prepack: false, threads: options.threads });
    return new StepGraph(session, deriver(graph.derived));
  }

  /** The mean loss over the counted targets and its gradients, by parameter. */
  async run(parameters: Parameters, batch: Batch): Promise<{ loss: number; gradients: Record<string, Float32Array> }> {
    const mask = batch.attentionMask ?? batch.inputIds.map((row) => row.map(() => 1));
    const feeds = {
      input_ids: int64Matrix(batch.inputIds),
      targets: int64Matrix(batch.targets),
      ...this.#derive(mask),
      ...parameters,
    };
    const results = await this.#session.run(feeds);
    const gradients: Record<string, Float32Array> = {};
    for (const [name, tensor] of Object.entries(results)) {
      if (name.startsWith("grad.")) gradients[name.slice(5)] = tensor.data as Float32Array;
    }
    return { loss: Number(results.loss?.data[0]), gradients };
  }

  dispose(): Promise<void> {
    return this.#session.dispose();
  }
}

/** Positions of unpadded batches are always the same, so what follows from them is computed once. */
function deriver(
  derived: readonly DerivedInput[],
): (mask: readonly (readonly number[])[]) => Record<string, HostTensor> {
  const known = new Map<string, Record<string, HostTensor>>();
  return (mask) => {
    const key = mask.map((row) => row.join("")).join();
    let feeds = known.get(key);
    if (!feeds) {
      feeds = deriveFeeds(derived, positionsOfMask(mask));
      known.clear();
      known.set(key, feeds);
    }
    return feeds;
  };
}
