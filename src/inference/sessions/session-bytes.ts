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

/** Operators that read a few rows of a table. */
const TAKES_ROWS = /^Gather/;

/**
 * The bytes of weights that a run reads: all that the engine holds, 16-bit floats as the float32 they are cast to, but
 * tables of which only rows are taken.
 */
export function weightBytes({ initializers, nodes }: OnnxGraph): number {
  const read = new Set(nodes.flatMap(({ type, inputs }) => (TAKES_ROWS.test(type) ? [] : inputs)));
  return initializers.reduce((sum, initializer) => {
    const { dtype, shape } = "tensor" in initializer ? initializer.tensor : initializer.external;
    const held = dtype === "float16" || dtype === "bfloat16" ? "float32" : dtype;
    return sum + (read.has(initializer.name) ? byteLength(held, elementCount(shape)) : 0);
  }, 0);
}

/** The limit of a model's pool, in bytes: room for two sessions with copies of all weights, or for five of a small model. */
export function poolLimit(parameterCount: number): number {
  return Math.max(LEAST_LIMIT, 2 * (4 * parameterCount + OVERHEAD));
}
