import { defineComposite } from "../op.ts";
import { rowAxes } from "../shape.ts";
import { applyOne, shapeError, type Value } from "../value.ts";
import { add } from "./elementwise.ts";
import { matmul } from "./matmul.ts";

/** The layout of a linear layer's weight in the checkpoint: torch's Linear is `out-in`, GPT-2's Conv1D `in-out`. */
export type WeightLayout = "out-in" | "in-out";

const linearOp = defineComposite<{ layout: WeightLayout }>({
  name: "linear",
  infer([x, weight, bias], { layout }) {
    if (!x || !weight) throw new TypeError("linear: takes x, weight and perhaps bias");
    const [inSize, outSize] =
      layout === "out-in" ? [weight.shape[1], weight.shape[0]] : [weight.shape[0], weight.shape[1]];
    if (weight.shape.length !== 2 || inSize !== x.shape.at(-1)) {
      throw shapeError("linear", `a weight stored ${layout} whose input size is the last axis of x`, x, weight);
    }
    if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outSize)) {
      throw shapeError("linear", `a bias of ${outSize}`, x, weight, bias);
    }
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, -1), outSize as number] }];
  },
  sliceRule: rowAxes,
  decomposition([x, weight, bias], { layout }) {
    const product = matmul(x as Value, weight as Value, { transposeB: layout === "out-in" });
    return [bias ? add(product, bias) : product];
  },
  gradient: "through decomposition",
});

/**
 * y = x Wᵀ + b.
 * @param x `[…, I]`
 * @param weight `[O, I]` for layout `out-in`, `[I, O]` for `in-out`
 * @param bias `[O]`
 * @returns `[…, O]`
 */
export function linear(x: Value, weight: Value, bias: Value | undefined, layout: WeightLayout = "out-in"): Value {
  return applyOne(linearOp, bias ? [x, weight, bias] : [x, weight], { layout });
}

export const linearOps = { linear: linearOp };
