import { differentiate } from "../autodiff/index.ts";
import { check, LecternError } from "../common/index.ts";
import type { Architecture } from "../families/index.ts";
import { IGNORED_LABEL, type Value } from "../graph/index.ts";
import type { OnnxGraph } from "../lowering/index.ts";
import { runPasses } from "../passes/index.ts";
import { createSession, type Device, type EngineSession } from "../runtime/index.ts";
import { type HostTensor, int64Matrix } from "../tensor/index.ts";
import { deriveFeeds, symbolic } from "./decode-graph.ts";
import { type ForwardGraph, forwardGraph } from "./forward-graph.ts";
import { checkClasses, labelsTensor } from "./forward-labels.ts";
import { readSquares, squareOutputs } from "./input-squares.ts";
import { type PassSizes, runtimeOf } from "./kinds/index.ts";
import { lowerModel } from "./lower-model.ts";
import { checkProbes, lensOutputs, probeFeeds, withInputDelta } from "./probes.ts";
import { checkMemory } from "./sessions/check-memory.ts";
import { sessionBytes } from "./sessions/session-bytes.ts";
import { type Lease, type PooledSession, SessionPool, sessionKey } from "./sessions/session-pool.ts";
import {
  MOST_LOG_PROBS,
  readScores,
  type ScoreInputs,
  scoreFeeds,
  scoreOutputs,
  type TokenScore,
} from "./token-scores.ts";
import { parametersOf, type WeightFeeds, type Weights } from "./weights.ts";

/** Whole rows of ids, padded to one length where a mask says so. */
export interface ForwardInputs {
  /** `[B][T]` */
  readonly inputIds: readonly (readonly number[])[];
  /** `[B][T]`, 1 = token, 0 = padding, on either side; default all 1. */
  readonly attentionMask?: readonly (readonly number[])[];
  /** `[B][T]`, the segment of each token, for encoders that know segments; default all 0. */
  readonly tokenTypeIds?: readonly (readonly number[])[];
  /**
   * `[B][T]`, for encoders: where several texts stand side by side in a row, which of them each token belongs to, −1 for
   * padding. Each text sees itself alone, as if it had a row of its own.
   */
  readonly texts?: readonly (readonly number[])[];
  /**
   * `[B][T]`, 1 for tokens that see the whole text and are seen by all of it, where the others see a window, as of
   * Longformer and LED; default as transformers chooses them for the head.
   */
  readonly globalAttentionMask?: readonly (readonly number[])[];
  /** `[B][U]`, what an encoder–decoder's decoder reads; default: the labels, shifted right. */
  readonly decoderInputIds?: readonly (readonly number[])[];
  /**
   * As transformers takes them: `[B][T]` for words and tokens (decoders shift them inside; −100 is not counted), `[B]`
   * for classes, `[B][C]` for several classes at once.
   */
  readonly labels?: readonly number[] | readonly (readonly number[])[];
  /** `[B]`, for question answering; as in transformers, one below 0 is the first token, one behind the row is not counted. */
  readonly startPositions?: readonly number[];
  /** `[B]`, the last token of each answer; otherwise as `startPositions`. */
  readonly endPositions?: readonly number[];
}

/** Options of a forward pass: further results to return, and the adapter to use. */
export interface ForwardOptions {
  /** True if the hidden states are returned. */
  readonly hiddenStates?: boolean;
  /** True if the attention weights are returned. */
  readonly attentions?: boolean;
  /** Also the gradient of the loss with respect to every parameter; needs labels. */
  readonly gradients?: boolean;
  /** Also the gradient of the loss with respect to the embeddings that enter the first layer; needs labels. */
  readonly inputGradients?: boolean;
  /**
   * Positions, from 0, at which the model's own norm and head are also applied to the states that enter each layer (the
   * "logit lens"); of an encoder–decoder, positions of its decoder.
   */
  readonly layerLogits?: readonly number[];
  /** `[L][H]`, factors of what the attention heads of each layer yield: 0 switches a head off. Not of encoder–decoders. */
  readonly headMask?: readonly (readonly number[])[];
  /** The adapter of this pass, by the name it was added under; null: none; default: the one in use. */
  readonly adapter?: string | null | undefined;
}

/** The tensors of a forward pass. A field is absent if the model has no such output or it was not requested. */
export interface ForwardResult {
  /** Words `[B, T, V]`, classes `[B, C]`, classes of tokens `[B, T, C]`; absent where there is no such head. */
  readonly logits?: HostTensor<"float32">;
  /** `[B, T]`, of question answering; so is `endLogits`. */
  readonly startLogits?: HostTensor<"float32">;
  /** `[B, T]`, of question answering. */
  readonly endLogits?: HostTensor<"float32">;
  /** `[B, T, E]`, of an encoder without a head. */
  readonly lastHiddenState?: HostTensor<"float32">;
  /** `[B, E]`, where the checkpoint has a pooler. */
  readonly poolerOutput?: HostTensor<"float32">;
  /** `[B, S, E]`, of an encoder–decoder. */
  readonly encoderLastHiddenState?: HostTensor<"float32">;
  /** Layers + 1 of `[B, S, E]`, of an encoder–decoder's encoder. */
  readonly encoderHiddenStates?: HostTensor<"float32">[];
  /** Layers + 1 of `[B, U, E]`, of an encoder–decoder's decoder. */
  readonly decoderHiddenStates?: HostTensor<"float32">[];
  /** One `[B, H, S, S]` a layer of the encoder. */
  readonly encoderAttentions?: HostTensor<"float32">[];
  /** One `[B, H, U, U]` a layer of the decoder. */
  readonly decoderAttentions?: HostTensor<"float32">[];
  /** One `[B, H, U, S]` a layer of the decoder. */
  readonly crossAttentions?: HostTensor<"float32">[];
  /** Layers + 1 of `[B, T, E]`: what enters each layer, then what leaves the model. */
  readonly hiddenStates?: HostTensor<"float32">[];
  /** Layers + 1 of `[B, N, V]`, at the N positions of `layerLogits`: of what enters each layer, then the logits themselves. */
  readonly layerLogits?: HostTensor<"float32">[];
  /** `[B, T, E]`: the gradient of the loss with respect to the embeddings; of an encoder–decoder, those of its encoder. */
  readonly inputGradients?: HostTensor<"float32">;
  /** One `[B, H, T, S]` a layer that attends. */
  readonly attentions?: HostTensor<"float32">[];
  /** The loss, if the inputs have labels. */
  readonly loss?: number;
  /** By the parameter's name in the checkpoint. */
  readonly gradients?: Record<string, HostTensor<"float32">>;
}

interface Session extends PooledSession {
  readonly engine: EngineSession;
  /** The names of the inputs that the graph reads. */
  readonly inputs: ReadonlySet<string>;
  readonly pass: ForwardGraph;
}

export interface ForwardPassOptions {
  readonly pool?: SessionPool;
  readonly threads?: number | undefined;
  readonly device?: Device | undefined;
}

/** The full forward pass over one set of weights: a session is made for each use on first need. */
export class ForwardPass {
  readonly #pool: SessionPool;
  readonly #architecture: Architecture;
  readonly #graph: ForwardGraph;
  readonly #weights: Weights;
  readonly #options: Pick<ForwardPassOptions, "threads" | "device">;

  /** @param options.pool the model's sessions; default: a pool of this pass alone */
  constructor(
    architecture: Architecture,
    weights: Weights,
    { pool = new SessionPool(Number.POSITIVE_INFINITY), threads, device }: ForwardPassOptions = {},
  ) {
    this.#architecture = architecture;
    this.#graph = forwardGraph(architecture, { ...symbolic, plan: weights.plan });
    this.#weights = weights;
    this.#pool = pool;
    this.#options = { threads, device };
  }

  /** @param feeds what the request's adapter feeds */
  async run(inputs: ForwardInputs, options: ForwardOptions, feeds: WeightFeeds = {}): Promise<ForwardResult> {
    const hasLabels = inputs.labels !== undefined || inputs.startPositions !== undefined;
    check(!options.gradients || hasLabels, "usage", () => "forward: gradients are of the loss, which needs labels");
    checkProbes(inputs, options, this.#architecture);
    const { forward } = runtimeOf(this.#architecture);
    const { hiddenStates, attentions, gradients = false, inputGradients = false } = options;
    const [hasLens, headMask] = [options.layerLogits !== undefined, options.headMask !== undefined];
    const hasGlobalTokens = inputs.globalAttentionMask !== undefined;
    const sizes = forward.fixedSizes(inputs, gradients || inputGradients);
    const use = JSON.stringify([
      hasLabels,
      hiddenStates,
      attentions,
      gradients,
      inputGradients,
      hasLens,
      headMask,
      hasGlobalTokens,
      sizes,
    ]);
    const lease = this.#lease({ use, sizes, headMask, hasGlobalTokens }, (pass) =>
      this.#create(hasLabels, options, pass),
    );
    const probes = probeFeeds(inputs, options, this.#graph);
    const { layerLogits, ...result } = collect(await this.#compute(inputs, { ...feeds, ...probes }, lease));
    if (!layerLogits) return result;
    const shape = [inputs.inputIds.length, options.layerLogits?.length ?? 0, layerLogits[0]?.shape[1] as number];
    return { ...result, layerLogits: layerLogits.map((logits) => ({ ...logits, shape })) };
  }

  /** The log-probabilities of chosen tokens at chosen positions; logits stay inside. @param feeds as of `run` */
  async score({ positions, top = 0, ...inputs }: ScoreInputs, feeds: WeightFeeds = {}): Promise<TokenScore[][]> {
    const { forward, isEncoderDecoder, generation, head } = runtimeOf(this.#architecture);
    check(
      head.kind === "lm" && generation !== undefined && this.#graph.heads.logits !== undefined,
      "unsupported",
      () =>
        `log-likelihood: ${this.#architecture.family.name} of this checkpoint predicts no tokens that follow a text`,
    );
    const sizes = forward.fixedSizes(inputs, false);
    const use = JSON.stringify(["score", top > 0, sizes]);
    const lease = this.#lease({ use, sizes }, (pass) => this.#createScoring(pass, top > 0));
    const width = (isEncoderDecoder ? inputs.labels : inputs.inputIds) as readonly (readonly number[])[];
    const scoring = scoreFeeds(positions, width[0]?.length ?? 0);
    return readScores(await this.#compute(inputs, { ...feeds, ...scoring }, lease), positions, top);
  }

  /** The sums over all tokens of the squares of what linear layers read, each with the parameter of a matrix. */
  async inputSquares(inputs: ForwardInputs): Promise<[path: string, squares: Float32Array][]> {
    const sizes = runtimeOf(this.#architecture).forward.fixedSizes(inputs, false);
    const use = JSON.stringify(["input squares", sizes]);
    const lease = this.#lease({ use, sizes }, (pass) =>
      this.#open(lowerModel(squareOutputs(pass.heads), this.#weights, "forward", this.#options.device), pass, true),
    );
    return readSquares(await this.#compute(inputs, {}, lease));
  }

  /** @param feeds inputs beside those that follow from the rows */
  async #compute(
    inputs: ForwardInputs,
    feeds: Readonly<Record<string, HostTensor>>,
    lease: Promise<Lease<Session>>,
  ): Promise<Record<string, HostTensor>> {
    const { session, release } = await lease;
    try {
      const { forward } = runtimeOf(this.#architecture);
      check(
        !forward.readsPadding ||
          !inputs.attentionMask?.some((row) => row.includes(0) && row.indexOf(0) < row.lastIndexOf(1)),
        "input",
        () => "forward: a recurrent model reads padding too: put it behind the text",
      );
      const all = { ...passFeeds(this.#architecture, session.pass, inputs), ...feeds };
      const wanted = Object.entries(all).filter(([name]) => session.inputs.has(name));
      return await session.engine.run(Object.fromEntries(wanted));
    } finally {
      release();
    }
  }

  /** Frees the sessions of these weights. */
  dispose(): Promise<void> {
    return this.#pool.retire(this.#weights.version);
  }

  #lease(
    {
      use,
      sizes,
      ...own
    }: { use: string; sizes: PassSizes | undefined; headMask?: boolean; hasGlobalTokens?: boolean },
    create: (pass: ForwardGraph) => Promise<Session>,
  ): Promise<Lease<Session>> {
    return this.#pool.lease(sessionKey(this.#weights.version, "forward", use), () => {
      const { plan } = this.#weights;
      if (!sizes && !own.headMask && !own.hasGlobalTokens) return create(this.#graph);
      return create(forwardGraph(this.#architecture, { ...symbolic, ...sizes, ...own, plan }));
    });
  }

  async #create(withLoss: boolean, options: ForwardOptions, pass: ForwardGraph): Promise<Session> {
    const isDifferentiated = options.gradients || options.inputGradients;
    const phase = isDifferentiated ? "train" : "forward";
    const weights = isDifferentiated ? await this.#weights.expanded() : this.#weights;
    const graph = lowerModel(this.#outputs(withLoss, options, pass), weights, phase, this.#options.device);
    // What reads texts by the thousand is worth packed copies of its weights; other passes leave them in their file.
    const isPlain = !withLoss && !options.hiddenStates && !options.attentions;
    return this.#open(graph, pass, isPlain && runtimeOf(this.#architecture).forward.prepacks);
  }

  /** Scores texts by the thousand, so its weights are packed. */
  #createScoring(pass: ForwardGraph, withTop: boolean): Promise<Session> {
    const { vocabSize } = this.#architecture.config;
    const outputs = scoreOutputs(pass.heads.logits as Value, withTop ? Math.min(MOST_LOG_PROBS, vocabSize) : 0);
    return this.#open(lowerModel(outputs, this.#weights, "forward", this.#options.device), pass, true);
  }

  async #open(graph: OnnxGraph, pass: ForwardGraph, packs: boolean): Promise<Session> {
    const prepack = this.#weights.isQuantized || packs;
    const settings = { prepack, ...this.#options, withoutRewrites: ["SkipLayerNormFusion"] };
    const bytes = sessionBytes(graph, settings);
    checkMemory(bytes, this.#weights.precision);
    const engine = await createSession(graph, settings);
    const inputs = new Set(graph.inputs.map(({ name }) => name));
    return { engine, inputs, pass, bytes, dispose: () => engine.dispose() };
  }

  #outputs(withLoss: boolean, options: ForwardOptions, pass: ForwardGraph): Record<string, Value> {
    const { heads, hiddenStates, attentions, loss } = pass;
    const { name } = this.#architecture.family;
    const outputs: Record<string, Value> = { ...heads, ...(options.layerLogits && lensOutputs(pass, name)) };
    const inner = { ...(options.hiddenStates && hiddenStates), ...(options.attentions && attentions) };
    for (const [name, values] of Object.entries(inner))
      for (const [i, value] of values.entries()) outputs[`${name}.${i}`] = value;
    if (!withLoss) return outputs;
    if (!loss)
      throw new LecternError(
        "usage",
        `forward: ${name} without a head, or with one for multiple choice, has no loss: leave out the labels`,
      );
    const all = { ...outputs, loss };
    if (!options.gradients && !options.inputGradients) return all;
    const probed = options.inputGradients ? withInputDelta(all, pass, name) : { outputs: all, delta: undefined };
    return this.#gradients(probed.outputs, probed.delta, options.gradients ?? false);
  }

  /** @param delta the input that is added to the embeddings, where its gradient is wanted too */
  #gradients(all: Record<string, Value>, delta: Value | undefined, ofParameters: boolean): Record<string, Value> {
    const { buffers } = this.#architecture.family.checkpoint;
    const loss = all.loss as Value;
    const parameters = ofParameters
      ? [...parametersOf([loss])].filter(([name]) => !buffers?.test(name))
      : ([] as (readonly [string, Value])[]);
    const wrt = [
      ...parameters.map(([name, value]) => [`grad.${this.#weights.stored(name)}`, value] as const),
      ...(delta ? [["input_gradients", delta] as const] : []),
    ];
    const outputs = runPasses({ ...all, loss }, { isDifferentiated: true });
    const result = differentiate(
      outputs,
      wrt.map(([, value]) => value),
    );
    return {
      ...result.outputs,
      ...Object.fromEntries(wrt.map(([name], i) => [name, result.gradients[i] as Value])),
    };
  }
}

/** All that a pass over these rows may be fed, its parameters left out. */
export function passFeeds(
  architecture: Architecture,
  graph: ForwardGraph,
  inputs: ForwardInputs,
): Record<string, HostTensor> {
  const { inputIds, attentionMask, tokenTypeIds, globalAttentionMask: globalTokens, texts } = inputs;
  const { labels, startPositions, endPositions } = inputs;
  const { forward } = runtimeOf(architecture);
  check(
    !texts || forward.takesTexts,
    "usage",
    () => `forward: ${architecture.family.name} takes one text a row; several are for encoders`,
  );
  const { padTokenId, shiftsLabels } = forward;
  const mask = attentionMask ?? inputIds.map((row) => row.map((id) => Number(id !== padTokenId)));
  const positions = { ...forward.positions(mask, texts), ids: inputIds, tokenTypeIds, globalTokens };
  const feeds: Record<string, HostTensor> = {
    input_ids: int64Matrix(inputIds),
    ...deriveFeeds(graph.derived, positions),
    ...forward.feeds(graph, inputs, { mask, positions }),
  };
  if (labels) {
    feeds.labels = labelsTensor(labels, graph.labels?.dtype, shiftsLabels, padTokenId);
    checkClasses(feeds.labels, graph.heads.logits?.shape.at(-1));
  }
  if (startPositions && endPositions) {
    const width = inputIds[0]?.length ?? 0;
    const clipped = (all: readonly number[]): number[] =>
      all.map((at) => (at >= width ? IGNORED_LABEL : Math.max(0, at)));
    feeds.start_positions = int64Vector(clipped(startPositions));
    feeds.end_positions = int64Vector(clipped(endPositions));
  }
  return feeds;
}

function int64Vector(values: readonly number[]): HostTensor<"int64"> {
  return { dtype: "int64", shape: [values.length], data: BigInt64Array.from(values, BigInt) };
}

const numbered = /^(.*)\.(\d+)$/;

/** Results by the names of the command line, as an object: `hidden_states.3` is `hiddenStates[3]`. */
function collect(results: Readonly<Record<string, HostTensor>>): ForwardResult {
  const collected: Record<string, unknown> = {};
  for (const [name, tensor] of Object.entries(results)) {
    const parts = numbered.exec(name);
    if (name.startsWith("grad.")) ((collected.gradients ??= {}) as Record<string, HostTensor>)[name.slice(5)] = tensor;
    else if (name === "loss") collected.loss = Number(tensor.data[0]);
    else if (parts) ((collected[camelCase(parts[1] as string)] ??= []) as HostTensor[])[Number(parts[2])] = tensor;
    else collected[camelCase(name)] = tensor;
  }
  return collected;
}

/** The results by the names of the command line. */
export function namedTensors({ loss, gradients, ...rest }: ForwardResult): Record<string, HostTensor> {
  const named: Record<string, HostTensor> = {};
  for (const [key, value] of Object.entries(rest) as [string, HostTensor | HostTensor[]][]) {
    const name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (Array.isArray(value)) for (const [i, tensor] of value.entries()) named[`${name}.${i}`] = tensor;
    else named[name] = value;
  }
  if (loss !== undefined) named.loss = { dtype: "float32", shape: [], data: Float32Array.of(loss) };
  for (const [name, tensor] of Object.entries(gradients ?? {})) named[`grad.${name}`] = tensor;
  return named;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
