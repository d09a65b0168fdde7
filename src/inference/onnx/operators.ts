import {
  applyOne,
  type Dimension,
  defineKernel,
  NONE_OR_MORE,
  type TensorType,
  type Value,
} from "../../graph/index.ts";

const END = Number.MAX_SAFE_INTEGER;

const keptRowsOp = defineKernel<object>({
  name: "keptRows",
  infer([x]) {
    const { dtype, shape } = x as TensorType;
    return [{ dtype, shape: shape.with(1, "L") }];
  },
  lower(c) {
    const [x, count] = c.inputs as [string, string];
    const start = c.emit("Neg", [c.emit("Reshape", [count, c.int64(1)])]);
    return [c.emit("Slice", [x, start, c.int64(END), c.int64(1)])];
  },
});

/** The last rows of `[B, T, E]`, as many as an int64 scalar says, or all for 0: `[B, L, E]`. */
export function keptRows(x: Value, count: Value): Value {
  return applyOne(keptRowsOp, [x, count], {});
}

const behindPastOp = defineKernel<object>({
  name: "behindPast",
  infer([states]) {
    const { dtype, shape } = states as TensorType;
    return [{ dtype, shape: shape.with(1, NONE_OR_MORE) }];
  },
  lower(c) {
    const [states, past] = c.inputs as [string, string];
    const count = c.emit("Shape", [past], { start: 2, end: 3 });
    return [c.emit("Slice", [states, count, c.int64(END), c.int64(1)])];
  },
});

/** The states `[B, S, E]` behind the first, as many as there are keys `[B, H, R, D]`: `[B, N, E]`, where N may be 0. */
export function behindPast(states: Value, past: Value): Value {
  return applyOne(behindPastOp, [states, past], {});
}

const joinedMemoryOp = defineKernel<object>({
  name: "joinedMemory",
  infer([past]) {
    const { dtype, shape } = past as TensorType;
    return [{ dtype, shape: shape.with(2, "S" satisfies Dimension) }];
  },
  lower: (c) => [c.emit("Concat", c.inputs, { axis: 2 })],
});

/** Keys or values `[B, H, R, D]` of the encoder's first states with those of the others behind: `[B, H, S, D]`. */
export function joinedMemory(past: Value, rest: Value): Value {
  return applyOne(joinedMemoryOp, [past, rest], {});
}
