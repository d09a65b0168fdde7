import { type DType, onnxTypes } from "../../tensor/index.ts";
import { definePrimitive } from "../op.ts";
import { elementwiseAxes } from "../shape.ts";
import { applyOne, type TensorType, type Value } from "../value.ts";

export const castOps = {
  scaleBytes: definePrimitive<{ scale: number }>({
    name: "scaleBytes",
    infer: ([x]) => [{ dtype: "float32", shape: (x as TensorType).shape }],
    sliceRule: elementwiseAxes,
    lower: (c, { scale }) => [
      c.emit("DequantizeLinear", [
        ...c.inputs,
        c.constant({ dtype: "float32", shape: [], data: Float32Array.of(scale) }),
        c.constant({ dtype: "uint8", shape: [], data: Uint8Array.of(0) }),
      ]),
    ],
    gradient: () => [undefined],
  }),
  detach: definePrimitive<object>({
    name: "detach",
    infer: ([x]) => [x as TensorType],
    sliceRule: elementwiseAxes,
    lower: (c) => [c.emit("Identity", c.inputs)],
    gradient: () => [undefined],
  }),
  cast: definePrimitive<{ to: DType }>({
    name: "cast",
    infer: ([x], { to }) => [{ dtype: to, shape: (x as TensorType).shape }],
    sliceRule: elementwiseAxes,
    lower: (c, { to }) => [c.emit("Cast", c.inputs, { to: onnxTypes[to] })],
    gradient: ({ inputs, gradients }) => {
      const { dtype } = inputs[0] as Value;
      return [dtype.includes("float") ? cast(gradients[0] as Value, dtype) : undefined];
    },
  }),
};

/** Bytes times a factor, as float32. */
export function scaleBytes(x: Value, scale: number): Value {
  return applyOne(castOps.scaleBytes, [x], { scale });
}

/** The same values, taken as constant where gradients are computed. */
export function detach(x: Value): Value {
  return applyOne(castOps.detach, [x], {});
}

/** The same numbers in another element type. */
export function cast(x: Value, to: DType): Value {
  return x.dtype === to ? x : applyOne(castOps.cast, [x], { to });
}
