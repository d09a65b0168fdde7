import type { Architecture, RecurrentState } from "../families/index.ts";
import type { Decoder } from "../generation/index.ts";
import { input, slice, type Value } from "../graph/index.ts";
import { Scope } from "../nn/index.ts";
import { createSession, type EngineSession, nextTask, type SessionOptions } from "../runtime/index.ts";
import { type HostTensor, int64Matrix } from "../tensor/index.ts";
import { lowerModel } from "./lower-model.ts";
import { sessionBytes, weightBytes } from "./sessions/session-bytes.ts";
import type { Weights } from "./weights.ts";

type Recurrent = Architecture & { kind: "recurrent" };

/** The state `[B, H]` of every layer as graph inputs. */
export function stateInputs({ config }: Recurrent, batch: string | number): RecurrentState[] {
  return Array.from({ length: config.numHiddenLayers }, (_, i) => ({
    hidden: input(`state.${i}.hidden`, "float32", [batch, config.hiddenSize]),
    memory: input(`state.${i}.memory`, "float32", [batch, config.hiddenSize]),
  }));
}

/** States of zeros, with which a text begins. */
export function firstStates({ config }: Recurrent, rows: number): Record<string, HostTensor> {
  const { numHiddenLayers, hiddenSize } = config;
  const zeros = (): HostTensor => ({
    dtype: "float32",
    shape: [rows, hiddenSize],
    data: new Float32Array(rows * hiddenSize),
  });
  const names = Array.from({ length: numHiddenLayers }, (_, i) => [`state.${i}.hidden`, `state.${i}.memory`]).flat();
  return Object.fromEntries(names.map((name) => [name, zeros()]));
}

/** The session in which a recurrent model decodes: what it has read is in its states. */
export class RecurrentEngine {
  readonly architecture: Recurrent;
  /** Estimated memory, in bytes. */
  readonly bytes: number;
  /** The bytes of weights that a step reads. */
  readonly weightBytes: number;
  /** Time that the engine has computed for this request, in milliseconds. */
  computedMs = 0;
  readonly #session: EngineSession;

  private constructor(architecture: Recurrent, session: EngineSession, bytes: number, weights: number) {
    this.architecture = architecture;
    this.bytes = bytes;
    this.weightBytes = weights;
    this.#session = session;
  }

  /** The same session for one request, which has its own clock. */
  forRequest(): RecurrentEngine {
    return new RecurrentEngine(this.architecture, this.#session, this.bytes, this.weightBytes);
  }

  /** Does nothing: the steps of recurrent requests are not batched. */
  endRequest(): void {}

  static async create(
    architecture: Recurrent,
    weights: Weights,
    options: SessionOptions = {},
  ): Promise<RecurrentEngine> {
    const { family, config } = architecture;
    const ids = input("input_ids", "int64", ["B", "T"]);
    const { hidden, logits, states } = family.model(new Scope(), config, ids, stateInputs(architecture, "B"));
    const outputs: Record<string, Value> = { logits: logits(slice(hidden, 1, -1, Number.MAX_SAFE_INTEGER)) };
    for (const [i, { hidden, memory }] of states.entries()) {
      outputs[`next.${i}.hidden`] = hidden;
      outputs[`next.${i}.memory`] = memory;
    }
    const graph = lowerModel(outputs, weights, "decode", options.device);
    const session = await createSession(graph, options);
    return new RecurrentEngine(architecture, session, sessionBytes(graph, options), weightBytes(graph));
  }

  async extend(
    states: Readonly<Record<string, HostTensor>>,
    tokens: readonly (readonly number[])[],
  ): Promise<{ scores: Float32Array[]; states: Record<string, HostTensor> }> {
    const started = performance.now();
    const { logits, ...next } = await this.#session.run({ input_ids: int64Matrix(tokens), ...states });
    this.computedMs += performance.now() - started;
    await nextTask();
    const size = this.architecture.config.vocabSize;
    const { data } = logits as HostTensor<"float32">;
    const renamed = Object.entries(next).map(([name, tensor]) => [name.replace("next.", "state."), tensor]);
    return {
      scores: tokens.map((_, i) => data.subarray(i * size, (i + 1) * size)),
      states: Object.fromEntries(renamed),
    };
  }

  dispose(): Promise<void> {
    return this.#session.dispose();
  }
}

/** One generation's rows: each row's past is one state, however long it is. */
export class RecurrentDecoder implements Decoder {
  readonly vocabularySize: number;
  readonly contextWindow: number;
  readonly #engine: RecurrentEngine;
  #states: Record<string, HostTensor> = {};

  constructor(engine: RecurrentEngine) {
    this.#engine = engine;
    this.vocabularySize = engine.architecture.config.vocabSize;
    this.contextWindow = engine.architecture.config.maxPositionEmbeddings;
  }

  async prefill(rows: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const results: { scores: Float32Array[]; states: Record<string, HostTensor> }[] = [];
    for (const row of rows) results.push(await this.#engine.extend(firstStates(this.#engine.architecture, 1), [row]));
    const [first] = results;
    this.#states = Object.fromEntries(
      Object.keys(first?.states ?? {}).map((name) => [
        name,
        stack(results.map(({ states }) => states[name] as HostTensor)),
      ]),
    );
    return results.map(({ scores }) => scores[0] as Float32Array);
  }

  async step(tokens: readonly number[]): Promise<Float32Array[]> {
    const { scores, states } = await this.#engine.extend(
      this.#states,
      tokens.map((token) => [token]),
    );
    this.#states = states;
    return scores;
  }

  select(indices: readonly number[]): void {
    const pick = (tensor: HostTensor): HostTensor => {
      const size = tensor.shape[1] as number;
      const data = tensor.data as Float32Array;
      return stack(
        indices.map((row) => ({
          dtype: "float32",
          shape: [1, size],
          data: data.subarray(row * size, (row + 1) * size),
        })),
      );
    };
    this.#states = Object.fromEntries(Object.entries(this.#states).map(([name, tensor]) => [name, pick(tensor)]));
  }
}

/** Rows `[1, H]` as one tensor `[B, H]`. */
function stack(rows: readonly HostTensor[]): HostTensor {
  const size = rows[0]?.shape[1] as number;
  const data = new Float32Array(rows.length * size);
  for (const [i, row] of rows.entries()) data.set(row.data as Float32Array, i * size);
  return { dtype: "float32", shape: [rows.length, size], data };
}
