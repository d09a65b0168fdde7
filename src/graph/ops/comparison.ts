import { definePrimitive, type PrimitiveOp } from "../op.ts";
import { broadcast } from "../shape.ts";
import { applyOne, scalar, shapeError, type TensorType, type Value } from "../value.ts";
import { unbroadcast } from "./elementwise.ts";

type None = Record<never, never>;

function comparison(name: string, type: string): PrimitiveOp<None> {
  return definePrimitive<None>({
    name,
    infer: ([a, b]) => [{ dtype: "bool", shape: broadcast(name, a as TensorType, b as TensorType) }],
    lower: (c) => [c.emit(type, c.inputs)],
    gradient: () => [undefined, undefined],
  });
}

export const comparisonOps = {
  less: comparison("less", "Less"),
  greaterOrEqual: comparison("greaterOrEqual", "GreaterOrEqual"),
  equal: comparison("equal", "Equal"),
  topMask: definePrimitive<{ count: number }>({
    name: "topMask",
    infer: ([x]) => [x as TensorType],
    lower(c, { count }) {
      const [x] = c.inputs as [string];
      const [, indices] = c.emitMany("TopK", [x, c.int64(count)], 2, { axis: -1 }) as [string, string];
      const zero = c.constant({ dtype: "float32", shape: [], data: Float32Array.of(0) });
      const one = c.constant({ dtype: "float32", shape: [], data: Float32Array.of(1) });
      const [zeros, ones] = [[zero, x] as const, [one, indices] as const].map(([value, like]) =>
        c.emit("Expand", [value, c.emit("Shape", [like])]),
      );
      return [c.emit("ScatterElements", [zeros as string, indices, ones as string], { axis: -1 })];
    },
    gradient: () => [undefined],
  }),
  topIndices: definePrimitive<{ count: number }>({
    name: "topIndices",
    infer: ([x], { count }) => [{ dtype: "int64", shape: [...(x as TensorType).shape.slice(0, -1), count] }],
    lower(c, { count }) {
      const [, indices] = c.emitMany("TopK", [...c.inputs, c.int64(count)], 2, { axis: -1 }) as [string, string];
      return [indices];
    },
    gradient: () => [undefined],
  }),
  where: definePrimitive<None>({
    name: "where",
    infer([condition, a, b]) {
      if (condition?.dtype !== "bool") throw shapeError("where", "a bool condition", ...(condition ? [condition] : []));
      return [
        { dtype: (a as TensorType).dtype, shape: broadcast("where", condition, a as TensorType, b as TensorType) },
      ];
    },
    lower: (c) => [c.emit("Where", c.inputs)],
    gradient({ inputs, gradients }) {
      const [condition, a, b] = inputs as [Value, Value, Value];
      const dy = gradients[0] as Value;
      return [
        undefined,
        unbroadcast(where(condition, dy, scalar(0)), a.shape),
        unbroadcast(where(condition, scalar(0), dy), b.shape),
      ];
    },
  }),
};

/** a < b, elementwise, as bool. */
export const less = (a: Value, b: Value): Value => applyOne(comparisonOps.less, [a, b], {});
/** a ≥ b, elementwise, as bool. */
export const greaterOrEqual = (a: Value, b: Value): Value => applyOne(comparisonOps.greaterOrEqual, [a, b], {});
/** a = b, elementwise, as bool. */
export const equal = (a: Value, b: Value): Value => applyOne(comparisonOps.equal, [a, b], {});
/** a where the condition holds, b elsewhere. */
export const where = (condition: Value, a: Value, b: Value): Value =>
  applyOne(comparisonOps.where, [condition, a, b], {});

/** The indices of the `count` largest entries along the last axis, the largest first, `[…, count]` as int64. */
export function topIndices(x: Value, count: number): Value {
  return applyOne(comparisonOps.topIndices, [x], { count });
}

/** 1 at the `count` largest entries along the last axis, of equal ones at the first; 0 elsewhere. */
export function topMask(x: Value, count: number): Value {
  return applyOne(comparisonOps.topMask, [x], { count });
}
