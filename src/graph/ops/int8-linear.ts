import { defineComposite } from "../op.ts";
import { rowAxes } from "../shape.ts";
import { applyOne, type Dimension, shapeError, type Value } from "../value.ts";
import { cast } from "./cast.ts";
import { add, mul, unbroadcast } from "./elementwise.ts";
import { matmul } from "./matmul.ts";

const int8LinearOp = defineComposite<object>({
  name: "int8Linear",
  infer([x, levels, scales, bias]) {
    if (!x || !levels || !scales) throw new TypeError("int8Linear: takes x, levels, scales and perhaps bias");
    const [inSize, outSize] = levels.shape;
    const isVector = (of: Pick<Value, "shape">): boolean => of.shape.length === 1 && of.shape[0] === outSize;
    if (levels.dtype !== "int8" || x.shape.at(-1) !== inSize || !isVector(scales) || (bias && !isVector(bias)))
      throw shapeError("int8Linear", "x […, I], int8 levels [I, O], scales [O] and a bias [O]", x, levels, scales);
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, -1), outSize as Dimension] }];
  },
  sliceRule: rowAxes,
  decomposition([x, levels, scales, bias]) {
    const product = mul(matmul(x as Value, cast(levels as Value, "float32")), scales as Value);
    return [bias ? add(product, bias) : product];
  },
  /** The matrix is expanded anew, so that it need not be kept between the two passes. */
  gradient({ inputs: [x, levels, scales, bias], gradients }) {
    const [dy, factors] = [gradients[0] as Value, scales as Value];
    const weight = cast(levels as Value, "float32");
    const dScales = unbroadcast(mul(dy, matmul(x as Value, weight)), factors.shape);
    const dx = matmul(mul(dy, factors), weight, { transposeB: true });
    return [dx, undefined, dScales, bias && unbroadcast(dy, bias.shape)];
  },
});

/**
 * y = x W + b, with W in whole numbers: the weight of an output is level · scale.
 * @param x `[…, I]`
 * @param matrix `levels` int8 `[I, O]`; `scales` `[O]`, one for each output
 * @param bias `[O]`
 * @returns `[…, O]`
 */
export function int8Linear(
  x: Value,
  [levels, scales]: readonly [levels: Value, scales: Value],
  bias: Value | undefined,
): Value {
  return applyOne(int8LinearOp, bias ? [x, levels, scales, bias] : [x, levels, scales], {});
}

export const int8LinearOps = { int8Linear: int8LinearOp };
