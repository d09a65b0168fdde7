import type { Attributes, TensorType, Value } from "../../graph/index.ts";

/** The use that a graph is compiled for. */
export interface Use {
  /** Steps over a cache; whole passes without gradients; passes with gradients and updates. */
  readonly phase: "decode" | "forward" | "train";
  /** The device that computes; default the processor. */
  readonly device?: "cpu" | "webgpu" | undefined;
}

/** One application of a composite, as a kernel sees it. Nothing is bound before the kernel builds its graph. */
export interface OpCall<A> {
  readonly inputs: readonly Value[];
  readonly outputs: readonly TensorType[];
  readonly attributes: A;
  /** For each result, true where something reads it. */
  readonly reads: readonly boolean[];
}

/** A faster way to compute a composite than its decomposition. */
export interface Kernel<A extends Attributes> {
  readonly name: string;
  /** The largest difference of its results from those of the decomposition, for values about 1. */
  readonly tolerance: number;
  fits(call: OpCall<A>, use: Use): boolean;
  /** Results of the composite's types, as a graph of primitives and engine operators; those that nothing reads may be undefined. */
  build(call: OpCall<A>): readonly (Value | undefined)[];
}
