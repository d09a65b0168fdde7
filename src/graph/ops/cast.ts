import type { DType } from "../../tensor/index.ts";
import { definePrimitive } from "../op.ts";
import { applyOne, type TensorType, type Value } from "../value.ts";

/** ONNX's numbers for element types (onnx.proto, TensorProto.DataType). */
const onnxType: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
  int4: 22,
};

export const castOps = {
  detach: definePrimitive<object>({
    name: "detach",
    infer: ([x]) => [x as TensorType],
    lower: (c) => [c.emit("Identity", c.inputs)],
    gradient: () => [undefined],
  }),
  cast: definePrimitive<{ to: DType }>({
    name: "cast",
    infer: ([x], { to }) => [{ dtype: to, shape: (x as TensorType).shape }],
    lower: (c, { to }) => [c.emit("Cast", c.inputs, { to: onnxType[to] })],
    gradient: ({ inputs, gradients }) => {
      const { dtype } = inputs[0] as Value;
      return [dtype.includes("float") ? cast(gradients[0] as Value, dtype) : undefined];
    },
  }),
};

/** The same values, taken as constant where gradients are computed. */
export function detach(x: Value): Value {
  return applyOne(castOps.detach, [x], {});
}

/** The same numbers in another element type. */
export function cast(x: Value, to: DType): Value {
  return x.dtype === to ? x : applyOne(castOps.cast, [x], { to });
}
