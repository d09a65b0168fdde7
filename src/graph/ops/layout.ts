import { definePrimitive } from "../op.ts";
import { broadcast, productKey, sameShape } from "../shape.ts";
import { applyOne, formatShape, type Shape, shapeError, type TensorType, type Value } from "../value.ts";
import { unbroadcast } from "./elementwise.ts";

/** Sizes for ONNX's Reshape: 0 copies, one −1 is inferred; undefined where that does not say it all. */
function plainSizes(from: Shape, to: Shape): number[] | undefined {
  const sizes = to.map((size, i) => (typeof size === "number" ? size : size === from[i] ? 0 : -1));
  if (sizes.filter((size) => size === -1).length <= 1 && !to.includes(0)) return sizes;
  return undefined;
}

export const layoutOps = {
  reshape: definePrimitive<{ shape: Shape }>({
    name: "reshape",
    infer([x], { shape }) {
      const operand = x as TensorType;
      if (productKey(operand.shape) !== productKey(shape))
        throw shapeError("reshape", `as many elements as ${formatShape(shape)}`, operand);
      return [{ dtype: operand.dtype, shape }];
    },
    sliceRule(axis, [x], _outputs, { shape }) {
      const from = (x as TensorType).shape;
      const isKept = sameShape(from.slice(0, axis + 1), shape.slice(0, axis + 1));
      return isKept ? { axes: [axis], attributes: { shape: shape.with(axis, 1) } } : undefined;
    },
    lower(c, { shape }) {
      const sizes = plainSizes((c.inputTypes[0] as TensorType).shape, shape);
      return [c.emit("Reshape", [...c.inputs, sizes ? c.int64(...sizes) : c.shape(shape)])];
    },
    gradient: ({ inputs, gradients }) => [reshape(gradients[0] as Value, (inputs[0] as Value).shape)],
  }),
  transpose: definePrimitive<{ permutation: readonly number[] }>({
    name: "transpose",
    infer([x], { permutation }) {
      const { dtype, shape } = x as TensorType;
      const fits =
        permutation.length === shape.length &&
        new Set(permutation).size === shape.length &&
        permutation.every((axis) => axis in shape);
      if (!fits)
        throw shapeError("transpose", `a permutation of the axes, not ${permutation.join(", ")}`, x as TensorType);
      return [{ dtype, shape: permutation.map((axis) => shape[axis] as number | string) }];
    },
    sliceRule: (axis, _inputs, _outputs, { permutation }) => ({ axes: [permutation[axis]] }),
    lower: (c, { permutation }) => [c.emit("Transpose", c.inputs, { perm: permutation })],
    gradient: ({ gradients, attributes: { permutation } }) => [
      transpose(
        gradients[0] as Value,
        permutation.map((_, i) => permutation.indexOf(i)),
      ),
    ],
  }),
  expand: definePrimitive<{ shape: Shape }>({
    name: "expand",
    infer([x], { shape }) {
      const type = { dtype: (x as TensorType).dtype, shape };
      if (!sameShape(broadcast("expand", x as TensorType, type), shape))
        throw shapeError("expand", "a shape that x broadcasts to", x as TensorType, type);
      return [type];
    },
    lower: (c, { shape }) => [c.emit("Expand", [...c.inputs, c.shape(shape)])],
    gradient: ({ inputs, gradients }) => [unbroadcast(gradients[0] as Value, (inputs[0] as Value).shape)],
  }),
};

/** The same elements in another shape. */
export function reshape(x: Value, shape: Shape): Value {
  return sameShape(x.shape, shape) ? x : applyOne(layoutOps.reshape, [x], { shape });
}

/** Axes in another order: result axis i is x's axis permutation[i]. */
export function transpose(x: Value, permutation: readonly number[]): Value {
  return applyOne(layoutOps.transpose, [x], { permutation });
}

/** Repeats axes of size 1 up to the given shape. */
export function expand(x: Value, shape: Shape): Value {
  return sameShape(x.shape, shape) ? x : applyOne(layoutOps.expand, [x], { shape });
}
