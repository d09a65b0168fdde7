import { defineComposite } from "../op.ts";
import { apply, shapeError, type Value } from "../value.ts";
import { add } from "./elementwise.ts";
import { type Epsilon, rmsNorm } from "./norm.ts";

const skipRmsNormOp = defineComposite<Epsilon>({
  name: "skipRmsNorm",
  infer([a, b, weight]) {
    if (!a || !b || !weight) throw new TypeError("skipRmsNorm: takes two summands and a weight");
    if (a.shape.join() !== b.shape.join() || weight.shape.join() !== String(a.shape.at(-1)))
      throw shapeError(
        "skipRmsNorm",
        "two summands of one shape, and a weight as wide as their last axis",
        a,
        b,
        weight,
      );
    return [a, a];
  },
  sliceRule: (axis, [a]) => (axis === (a?.shape.length ?? 0) - 1 ? undefined : { axes: [axis, axis, undefined] }),
  decomposition([a, b, weight], { epsilon }) {
    const sum = add(a as Value, b as Value);
    return [rmsNorm(sum, weight as Value, epsilon), sum];
  },
  gradient: "through decomposition",
});

/**
 * The sum of a residual and what a sublayer adds to it, and its RMS norm.
 * @param a `[…, E]`; `b` likewise
 * @param weight `[E]`
 * @returns the norm and the sum
 */
export function skipRmsNorm(a: Value, b: Value, weight: Value, epsilon: number): { normed: Value; sum: Value } {
  const [normed, sum] = apply(skipRmsNormOp, [a, b, weight], { epsilon }) as [Value, Value];
  return { normed, sum };
}

export const skipNormOps = { skipRmsNorm: skipRmsNormOp };
