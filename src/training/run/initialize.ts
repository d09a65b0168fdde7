import { Random } from "../../common/index.ts";
import type { Architecture } from "../../families/index.ts";
import { gateCount } from "../../graph/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import type { Parameters } from "./step-graph.ts";

/** Options of `initialize`. */
export interface InitializeOptions {
  /** The seed of the random weights. */
  readonly seed: number;
  /** `initializer_range` of config.json; default 0.02. */
  readonly range?: number | undefined;
  /** The initialisation of learned position embeddings; default random. */
  readonly firstPositions?: "random" | "waves" | undefined;
  /** The bias of LSTM's forget gates and of GRU's update gates, which keep the state where it is high; default 0. */
  readonly forgetBias?: number | undefined;
}

/**
 * First weights, from (seed, index): norms 1, biases 0, matrices normal with the standard deviation that their family
 * gives, else with `range`, and those that write into the residual stream smaller by √(2 L), as GPT-2 does (Radford et
 * al., 2019). Recurrent weights are normal with standard deviation 1 / √fan-in. `forgetBias` is what Jozefowicz et al.
 * (2015) recommend for LSTM; 1 is usual.
 */
export function initialize(
  shapes: ReadonlyMap<string, readonly number[]>,
  architecture: Architecture,
  { seed, range = 0.02, firstPositions = "random", forgetBias = 0 }: InitializeOptions,
): Parameters {
  const parameters: Record<string, HostTensor<"float32">> = {};
  const gates = gatesOf(architecture);
  for (const [index, [name, shape]] of [...shapes].entries()) {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
    const isNorm = shape.length === 1 && name.endsWith("weight");
    if (isNorm) data.fill(1);
    else if (firstPositions === "waves" && POSITIONS.test(name)) fillWaves(data, shape[1] as number, range);
    else if (shape.length > 1) {
      const random = new Random(seed, index);
      const initStd = initStdOf(name, shape, architecture, range);
      for (let i = 0; i < data.length; i++) data[i] = random.nextNormal() * initStd;
    } else if (gates > 1 && GATE_BIAS.test(name)) data.fill(forgetBias, data.length / gates, (2 * data.length) / gates);
    parameters[name] = { dtype: "float32", shape, data };
  }
  return parameters;
}

/** The input biases of recurrent layers, as torch calls them; the biases of their states are added to them. */
const GATE_BIAS = /bias_ih_l\d+$/;

/** The number of gates of a recurrent architecture's cells; the second keeps the state: of LSTM's i, f, g, o and GRU's r, z, n. */
function gatesOf({ config }: Architecture): number {
  return "cell" in config ? gateCount[config.cell] : 1;
}

/** Learned position embeddings, as BERT, GPT-2 and BART call them. */
const POSITIONS = /(position_embeddings|wpe|embed_positions)\.weight$/;

/** Rows of sines and cosines whose standard deviation is `range`: row t, column 2 i: sin(t / 10000^(2 i / E)). */
function fillWaves(data: Float32Array, width: number, range: number): void {
  for (let at = 0; at < data.length; at++) {
    const [position, column] = [Math.floor(at / width), at % width];
    const angle = position / 10000 ** ((2 * Math.floor(column / 2)) / width);
    data[at] = (column % 2 === 0 ? Math.sin(angle) : Math.cos(angle)) * range * Math.SQRT2;
  }
}

function initStdOf(name: string, shape: readonly number[], { family, config }: Architecture, range: number): number {
  const own = family.initStd(name);
  if (own !== undefined) return own;
  if (/weight_(ih|hh)_l\d/.test(name)) return (shape.at(-1) as number) ** -0.5;
  const { numHiddenLayers, decoderLayers } = config as { numHiddenLayers?: number; decoderLayers?: number };
  const layers = numHiddenLayers ?? decoderLayers ?? 1;
  return writesResidual(name) ? range / Math.sqrt(2 * layers) : range;
}

/** True for a matrix that writes into the residual stream of a decoder, by its path. */
export function writesResidual(path: string): boolean {
  return /(o_proj|down_proj|c_proj)\.weight$/.test(path);
}
