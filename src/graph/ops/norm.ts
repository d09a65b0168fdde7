import { definePrimitive } from "../op.ts";
import { rowAxes } from "../shape.ts";
import { apply, type Dimension, shapeError, type TensorType, type Value } from "../value.ts";
import { mul, sub } from "./elementwise.ts";
import { reduceMean, reduceSum } from "./reduction.ts";

export interface Epsilon {
  readonly epsilon: number;
}

/** The result, then one statistic a row for each of `count`. */
function inferNorm(name: string, operands: readonly TensorType[], count: number): TensorType[] {
  const [x, ...parameters] = operands as [TensorType, ...TensorType[]];
  const size = x.shape.at(-1) as Dimension;
  if (parameters.some(({ shape }) => shape.length !== 1 || shape[0] !== size)) {
    throw shapeError(name, "parameters as wide as the last axis of x", x, ...parameters);
  }
  const statistic = { dtype: x.dtype, shape: [...x.shape.slice(0, -1), 1] };
  return [x, ...Array.from({ length: count }, () => statistic)];
}

const leading = (x: Value): number[] => x.shape.slice(0, -1).map((_, i) => i);

export const normOps = {
  layerNorm: definePrimitive<Epsilon>({
    name: "layerNorm",
    infer: (operands) => inferNorm("layerNorm", operands, 2),
    sliceRule: rowAxes,
    lower: (c, { epsilon }) => c.emitMany("LayerNormalization", c.inputs, 3, { axis: -1, epsilon: { float: epsilon } }),
    gradient({ inputs, outputs, gradients }) {
      const [x, weight] = inputs as [Value, Value];
      const [, mean, inverse] = outputs as [Value, Value, Value];
      const dy = gradients[0] as Value;
      const normal = mul(sub(x, mean), inverse);
      const scaled = mul(dy, weight);
      const inner = sub(
        sub(scaled, reduceMean(scaled, [-1], true)),
        mul(normal, reduceMean(mul(scaled, normal), [-1], true)),
      );
      return [mul(inverse, inner), reduceSum(mul(dy, normal), leading(x)), reduceSum(dy, leading(x))];
    },
  }),
  rmsNorm: definePrimitive<Epsilon>({
    name: "rmsNorm",
    infer: (operands) => inferNorm("rmsNorm", operands, 1),
    sliceRule: rowAxes,
    lower: (c, { epsilon }) =>
      c.emitMany("SimplifiedLayerNormalization", c.inputs, 2, { axis: -1, epsilon: { float: epsilon }, stash_type: 1 }),
    gradient({ inputs, outputs, gradients }) {
      const [x, weight] = inputs as [Value, Value];
      const inverse = outputs[1] as Value;
      const dy = gradients[0] as Value;
      const normal = mul(x, inverse);
      const scaled = mul(dy, weight);
      const inner = sub(scaled, mul(normal, reduceMean(mul(scaled, normal), [-1], true)));
      return [mul(inverse, inner), reduceSum(mul(dy, normal), leading(x))];
    },
  }),
};

/** (x − mean) / √(variance + ε) · weight + bias over the last axis (Ba et al., 2016). */
export function layerNorm(x: Value, weight: Value, bias: Value, epsilon: number): Value {
  return apply(normOps.layerNorm, [x, weight, bias], { epsilon })[0] as Value;
}

/** x / √(mean(x²) + ε) · weight over the last axis (Zhang and Sennrich, 2019). */
export function rmsNorm(x: Value, weight: Value, epsilon: number): Value {
  return apply(normOps.rmsNorm, [x, weight], { epsilon })[0] as Value;
}
