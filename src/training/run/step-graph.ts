import { differentiate } from "../../autodiff/index.ts";
import { LecternError, Random } from "../../common/index.ts";
import type { Architecture } from "../../families/index.ts";
import { add, type Value } from "../../graph/index.ts";
import { type ForwardGraph, type ForwardInputs, forwardGraph, parametersOf, passFeeds } from "../../inference/index.ts";
import { lowerGraph, type WeightBinding } from "../../lowering/index.ts";
import type { AdapterPlan } from "../../nn/index.ts";
import { type Quantization, quantizedPart, runPasses } from "../../passes/index.ts";
import { createSession, type EngineSession } from "../../runtime/index.ts";
import { type HostTensor, int64Matrix } from "../../tensor/index.ts";

/** Weights by their path, changed in place by the optimizer. */
export type Parameters = Record<string, HostTensor<"float32">>;

/** Rows of one size. */
export interface Batch extends ForwardInputs {
  /** `[B][T]` in place of labels: what each position of a decoder shall predict, −100 where it is not counted. */
  readonly targets?: readonly (readonly number[])[];
  /** Additional inputs of an objective. */
  readonly extra?: Readonly<Record<string, HostTensor>>;
}

function withAuxiliary(loss: Value, { auxiliaryLoss }: ForwardGraph): Value {
  return auxiliaryLoss ? add(loss, auxiliaryLoss) : loss;
}

/** The objective, from the results of a pass; without one, the loss of the model's own head. */
export type Objective = (pass: ForwardGraph) => Value;

/** The batch shape and the results of a training step's graph. */
export interface StepOptions {
  /** The number of rows of a batch. */
  readonly rows: number;
  /** The number of tokens of a row. */
  readonly length: number;
  /** The number of tokens that a decoder beside an encoder reads. */
  readonly steps?: number | undefined;
  /** True if gradients are computed too; without them it evaluates, and drops nothing. */
  readonly gradients: boolean;
  /** The objective; default the loss of the model's own head. */
  readonly objective?: Objective | undefined;
  /** The parameters that are learned; default all that are fed. */
  readonly learns?: ((name: string) => boolean) | undefined;
  /** The location of parameters that are not fed. */
  readonly bind?: ((name: string) => WeightBinding) | undefined;
  /** The matrices that are read in few bits; those that are learned are not among them. */
  readonly quantization?: Quantization | undefined;
  /** The adapters of linear layers. */
  readonly plan?: AdapterPlan | undefined;
  /** True if dropout is applied, at the rates of the model's config. */
  readonly dropout?: boolean | undefined;
  /** True if the inner values of layers are computed again for the gradients instead of kept: less memory, more time. */
  readonly gradientCheckpointing?: boolean | undefined;
  /** The results beside the loss; of a recurrent model always its state, as `next.…`. */
  readonly outputs?: ((pass: ForwardGraph) => Readonly<Record<string, Value>>) | undefined;
  /** The number of threads; default: the engine's choice. */
  readonly threads?: number | undefined;
}

/** From which the masks of a step are drawn. */
export interface DropoutSeed {
  /** The seed of the run. */
  readonly seed: number;
  /** The step. */
  readonly step: number;
  /** The index of a step's batch. */
  readonly part: number;
}

/** The result of a training step. */
export interface StepResult {
  /** The loss of the batch. */
  readonly loss: number;
  /** The gradients by parameter. */
  readonly gradients: Record<string, Float32Array>;
  /** The results beside the loss. */
  readonly outputs: Readonly<Record<string, HostTensor<"float32">>>;
}

/** The shapes of a model's parameters, by path, its adapters' among them. */
export function parameterShapes(architecture: Architecture, plan?: AdapterPlan): Map<string, readonly number[]> {
  const pass = forwardGraph(architecture, { batch: 1, queries: 1, steps: 1, plan });
  const { buffers } = architecture.family.checkpoint;
  const named = [...parametersOf(Object.values(pass.heads))].filter(([name]) => !buffers?.test(name));
  return new Map(named.map(([name, value]) => [name, value.shape as readonly number[]]));
}

/**
 * Fusions with a norm or an activation, which round otherwise. They happen where no gradient reads what lies between,
 * so a layer that is computed a second time would have other bits than the first time.
 */
const fusions = ["SkipLayerNormFusion", "BiasGeluFusion"];

/** Rewrites that would expand all matrices of few bits at load, or keep what is expanded once for the gradients. */
const expansions = ["ConstantFolding", "CommonSubexpressionElimination"];

/** A step's results as passes rewrite them, and the inner values that are kept for the gradients. */
function rewritten(
  yielded: Readonly<Record<string, Value>>,
  pass: ForwardGraph,
  { quantization, gradientCheckpointing }: StepOptions,
  isLearned: (name: string) => boolean,
): { readonly outputs: Record<string, Value>; readonly kept: readonly Value[] } {
  const states = gradientCheckpointing ? Object.values(pass.hiddenStates).flat() : [];
  if (!quantization) return { outputs: runPasses(yielded, { isDifferentiated: true }), kept: states };
  const has = (name: string): boolean => quantization.has(name) && !quantizedPart(name)?.paths.some(isLearned);
  const named = Object.fromEntries(states.map((value, i) => [`kept.${i}`, value]));
  const all: Record<string, Value> = runPasses(
    { ...yielded, ...named },
    { isDifferentiated: true, quantization: { ...quantization, has } },
  );
  const outputs = Object.fromEntries(Object.keys(yielded).map((name) => [name, all[name] as Value]));
  return { outputs, kept: states.map((_, i) => all[`kept.${i}`] as Value) };
}

/** Loss and gradients of one batch shape, compiled once; parameters are fed and never copied. */
export class StepGraph {
  readonly #architecture: Architecture;
  readonly #pass: ForwardGraph;
  readonly #session: EngineSession;
  readonly #inputs: ReadonlySet<string>;

  private constructor(
    architecture: Architecture,
    pass: ForwardGraph,
    session: EngineSession,
    inputs: readonly string[],
  ) {
    this.#architecture = architecture;
    this.#pass = pass;
    this.#session = session;
    this.#inputs = new Set(inputs);
  }

  /** Compiles the graph of one batch shape. */
  static async create(architecture: Architecture, options: StepOptions): Promise<StepGraph> {
    const { rows, length, steps = length, plan, learns = () => true, bind } = options;
    const dropout = options.gradients && (options.dropout ?? false);
    const pass = forwardGraph(architecture, { batch: rows, queries: length, steps, plan, dropout });
    const loss = options.objective ? withAuxiliary(options.objective(pass), pass) : pass.loss;
    if (!loss) throw new LecternError("usage", `${architecture.family.name} without a head has no loss to learn from`);
    const { buffers } = architecture.family.checkpoint;
    const isLearned = (name: string): boolean => learns(name) && !buffers?.test(name);
    const learned = [...parametersOf([loss])].filter(([name]) => isLearned(name));
    const yielded = { loss, ...remembered(pass), ...options.outputs?.(pass) };
    const { outputs, kept } = rewritten(yielded, pass, options, isLearned);
    const result = options.gradients
      ? differentiate(
          outputs as { loss: Value },
          learned.map(([, value]) => value),
          kept,
        )
      : { outputs, gradients: [] };
    const gradients = Object.fromEntries(
      result.gradients.map((value, i) => [`grad.${(learned[i] as [string, Value])[0]}`, value]),
    );
    const lowered = lowerGraph({
      outputs: { ...result.outputs, ...gradients },
      bind: (name) => (isLearned(name) || !bind ? { kind: "input" } : bind(name)),
      phase: "train",
    });
    const withoutRewrites = [...(options.gradients ? fusions : []), ...(options.quantization ? expansions : [])];
    const memoryPattern = !options.gradientCheckpointing; // which is for those who give time for memory
    const engine = { prepack: false, memoryPattern, threads: options.threads, withoutRewrites };
    const session = await createSession(lowered, engine);
    const names = lowered.inputs.map(({ name }) => name);
    return new StepGraph(architecture, pass, session, names);
  }

  /**
   * The loss of a batch and its gradients, by parameter.
   * @param into arrays that the gradients are written to; without them new ones are made
   */
  async run(
    parameters: Parameters,
    { targets, extra, ...inputs }: Batch,
    drops?: DropoutSeed,
    into?: Readonly<Record<string, Float32Array>>,
  ): Promise<StepResult> {
    const all: Record<string, HostTensor> = {
      ...passFeeds(this.#architecture, this.#pass, inputs),
      ...(targets && { labels: int64Matrix(targets) }),
      ...(drops && this.#masks(drops)),
      ...parameters,
      ...extra,
    };
    const missing = [...this.#inputs].find((name) => !Object.hasOwn(all, name));
    if (missing !== undefined) throw new LecternError("usage", `training: the batch lacks ${missing}`);
    const feeds = Object.fromEntries([...this.#inputs].map((name) => [name, all[name] as HostTensor]));
    const places = Object.entries(into ?? {}).map(([name, data]) => {
      const { shape } = parameters[name] as HostTensor;
      return [`grad.${name}`, { dtype: "float32", shape, data } as HostTensor] as const;
    });
    const results = await this.#session.run(feeds, into && Object.fromEntries(places));
    const gradients: Record<string, Float32Array> = {};
    const outputs: Record<string, HostTensor<"float32">> = {};
    for (const [name, tensor] of Object.entries(results)) {
      if (name.startsWith("grad.")) gradients[name.slice(5)] = tensor.data as Float32Array;
      else if (name !== "loss") outputs[name] = tensor as HostTensor<"float32">;
    }
    return { loss: Number(results.loss?.data[0]), gradients, outputs };
  }

  /** Frees the engine's memory. */
  dispose(): Promise<void> {
    return this.#session.dispose();
  }

  /** The masks of each dropout, drawn from (seed, step and part, site). */
  #masks({ seed, step, part }: DropoutSeed): Record<string, HostTensor> {
    const masks = this.#pass.dropoutMasks.map(({ name, shape, rate256 }, site) => {
      const data = new Uint8Array(shape.reduce((product, size) => product * size, 1));
      new Random(seed, step, part, site).fillMask(data, rate256);
      return [name, { dtype: "uint8", shape, data } as HostTensor] as const;
    });
    return Object.fromEntries(masks);
  }
}

function remembered({ states = [] }: ForwardGraph): Record<string, Value> {
  const named = states.flatMap(({ hidden, memory }, i) => [
    [`next.${i}.hidden`, hidden] as const,
    [`next.${i}.memory`, memory] as const,
  ]);
  return Object.fromEntries(named);
}
