import { definePrimitive, type GradientRule, type PrimitiveOp } from "../op.ts";
import { normalizeAxis } from "../shape.ts";
import { applyOne, scalar, type TensorType, type Value } from "../value.ts";
import { cast } from "./cast.ts";
import { equal } from "./comparison.ts";
import { div, mul } from "./elementwise.ts";
import { expand, reshape } from "./layout.ts";

export interface Axes {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/** A reduced tensor with its reduced axes back, at size 1. */
function restore(x: Value, reduced: Value, { axes }: Axes): Value {
  return reshape(
    reduced,
    x.shape.map((size, i) => (axes.includes(i) ? 1 : size)),
  );
}

function reduction(name: string, type: string, gradient: GradientRule<Axes>): PrimitiveOp<Axes> {
  return definePrimitive<Axes>({
    name,
    infer([x], { axes, keepDims }) {
      const { dtype, shape } = x as TensorType;
      const sizes = shape.map((size, i) => (axes.includes(i) ? 1 : size));
      return [{ dtype, shape: keepDims ? sizes : sizes.filter((_, i) => !axes.includes(i)) }];
    },
    lower: (c, { axes, keepDims }) => [c.emit(type, [...c.inputs, c.int64(...axes)], { keepdims: keepDims ? 1 : 0 })],
    gradient,
  });
}

export const reductionOps = {
  reduceSum: reduction("reduceSum", "ReduceSum", ({ inputs: [x], gradients: [dy], attributes }) => [
    expand(restore(x as Value, dy as Value, attributes), (x as Value).shape),
  ]),
  reduceMean: reduction("reduceMean", "ReduceMean", ({ inputs: [x], gradients: [dy], attributes }) => {
    const share = div(restore(x as Value, dy as Value, attributes), countOf(x as Value, attributes.axes));
    return [expand(share, (x as Value).shape)];
  }),
  reduceMax: reduction("reduceMax", "ReduceMax", ({ inputs: [x], outputs: [y], gradients: [dy], attributes }) => {
    const hits = cast(equal(x as Value, restore(x as Value, y as Value, attributes)), "float32");
    const share = div(restore(x as Value, dy as Value, attributes), reduceSum(hits, attributes.axes, true));
    return [mul(hits, share)];
  }),
};

/** The number of elements that a mean is over, as a float32 scalar; named sizes are counted when the graph runs. */
function countOf(x: Value, axes: readonly number[]): Value {
  const sizes = axes.map((axis) => x.shape[axis]);
  if (sizes.every((size) => typeof size === "number"))
    return scalar(sizes.reduce((product, size) => product * size, 1));
  const ones = expand(
    reshape(
      scalar(1),
      x.shape.map(() => 1),
    ),
    x.shape,
  );
  return reduceSum(ones, axes, true);
}

const reduce =
  (op: PrimitiveOp<Axes>) =>
  (x: Value, axes: readonly number[], keepDims = false): Value =>
    applyOne(op, [x], { axes: axes.map((axis) => normalizeAxis(op.name, axis, x)), keepDims });

/** Sums over axes. */
export const reduceSum = reduce(reductionOps.reduceSum);
/** The mean over axes. */
export const reduceMean = reduce(reductionOps.reduceMean);
/** The largest along axes; ties share the gradient. */
export const reduceMax = reduce(reductionOps.reduceMax);
