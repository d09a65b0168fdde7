import { definePrimitive, type GradientRule, type PrimitiveOp } from "../op.ts";
import { normalizeAxis } from "../shape.ts";
import { applyOne, type TensorType, type Value } from "../value.ts";
import { exp, mul, sub } from "./elementwise.ts";
import { reduceSum } from "./reduction.ts";

export interface Axis {
  readonly axis: number;
}

function softmaxOp(name: string, type: string, gradient: GradientRule<Axis>): PrimitiveOp<Axis> {
  return definePrimitive<Axis>({
    name,
    infer: ([x]) => [x as TensorType],
    lower: (c, { axis }) => [c.emit(type, c.inputs, { axis })],
    gradient,
  });
}

export const softmaxOps = {
  softmax: softmaxOp("softmax", "Softmax", ({ outputs: [y], gradients: [dy], attributes: { axis } }) => {
    const weighted = mul(dy as Value, y as Value);
    return [sub(weighted, mul(y as Value, reduceSum(weighted, [axis], true)))];
  }),
  logSoftmax: softmaxOp("logSoftmax", "LogSoftmax", ({ outputs: [y], gradients: [dy], attributes: { axis } }) => [
    sub(dy as Value, mul(exp(y as Value), reduceSum(dy as Value, [axis], true))),
  ]),
};

/** exp(x) / Σ exp(x) along an axis. */
export function softmax(x: Value, axis: number): Value {
  return applyOne(softmaxOps.softmax, [x], { axis: normalizeAxis("softmax", axis, x) });
}

/** log softmax(x), without the loss of precision of taking them one after the other. */
export function logSoftmax(x: Value, axis: number): Value {
  return applyOne(softmaxOps.logSoftmax, [x], { axis: normalizeAxis("logSoftmax", axis, x) });
}
