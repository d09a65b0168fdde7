import type { OnnxGraph } from "../../lowering/index.ts";
import { quantizedPart } from "../../passes/index.ts";
import type { SessionOptions } from "../../runtime/index.ts";
import { byteLength, elementCount } from "../../tensor/index.ts";

/** The graph, kernels and buffers of a session beside its weights: about 16 MiB each on models of 10 to 500 MB. */
const OVERHEAD = 16 * 2 ** 20;

/** The least memory that a pool keeps sessions in. */
const LEAST_LIMIT = 128 * 2 ** 20;

/**
 * Estimate of the memory that a session holds, in bytes. Weights that stay mapped in their file, as tables of words do, count nothing; packed
 * copies of them count whole: float32, or levels of few bits.
 */
export function sessionBytes({ initializers }: OnnxGraph, { prepack = true }: SessionOptions): number {
  return initializers.reduce((sum, initializer) => {
    if ("tensor" in initializer)
      return sum + byteLength(initializer.tensor.dtype, elementCount(initializer.tensor.shape));
    if (quantizedPart(initializer.name)?.layout === "rows") return sum;
    const { dtype, shape } = initializer.external;
    const isQuantized = dtype === "uint8" || dtype === "int8";
    const isCopied = isQuantized || prepack || dtype !== "float32";
    return sum + (isCopied ? (isQuantized ? 1 : 4) * elementCount(shape) : 0);
  }, OVERHEAD);
}

/** The limit of a model's pool, in bytes: room for two sessions with copies of all weights, or for five of a small model. */
export function poolLimit(parameterCount: number): number {
  return Math.max(LEAST_LIMIT, 2 * (4 * parameterCount + OVERHEAD));
}
