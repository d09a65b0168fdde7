import { Random } from "../common/index.ts";
import type { Architecture } from "../models/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import type { Parameters } from "./step-graph.ts";

/**
 * First weights, from (seed, index): norms 1, biases 0, matrices normal with the deviation that their family gives,
 * else 0.02, and those that write into the residual stream smaller by √(2 L), as GPT-2 does (Radford et al., 2019).
 * Recurrent weights are normal with deviation 1 / √fan-in.
 */
export function initialize(
  shapes: ReadonlyMap<string, readonly number[]>,
  architecture: Architecture,
  seed: number,
): Parameters {
  const parameters: Record<string, HostTensor<"float32">> = {};
  for (const [index, [name, shape]] of [...shapes].entries()) {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
    const isNorm = shape.length === 1 && name.endsWith("weight");
    if (isNorm) data.fill(1);
    else if (shape.length > 1) {
      const random = new Random(seed, index);
      const deviation = deviationOf(name, shape, architecture);
      for (let i = 0; i < data.length; i++) data[i] = random.nextNormal() * deviation;
    }
    parameters[name] = { dtype: "float32", shape, data };
  }
  return parameters;
}

function deviationOf(name: string, shape: readonly number[], { family, config }: Architecture): number {
  const own = family.checkpoint.deviation?.(name, config as unknown as Readonly<Record<string, unknown>>);
  if (own !== undefined) return own;
  if (/weight_(ih|hh)_l\d/.test(name)) return (shape.at(-1) as number) ** -0.5;
  const { numHiddenLayers, decoderLayers } = config as { numHiddenLayers?: number; decoderLayers?: number };
  const layers = numHiddenLayers ?? decoderLayers ?? 1;
  return /(o_proj|down_proj|c_proj)\.weight$/.test(name) ? 0.02 / Math.sqrt(2 * layers) : 0.02;
}
