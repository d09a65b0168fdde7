import { definePrimitive } from "../op.ts";
import { productOf } from "../shape.ts";
import { applyOne, constant, type Dimension, scalar, shapeError, type TensorType, type Value } from "../value.ts";
import { equal, where } from "./comparison.ts";
import { reshape } from "./layout.ts";
import { matmul } from "./matmul.ts";

/** Up to so many rows, a product with one-hot rows on all threads sums faster than one thread that scatters. */
const SMALL_TABLE = 512;

/** Rows `[M, E]` summed by their ids `[M]`: `[count, E]`. */
function sumByIds(ids: Value, rows: Value, count: Dimension): Value {
  if (typeof count === "string" || count > SMALL_TABLE) return scatterAdd(ids, rows, count);
  return matmul(oneHot(ids, count), rows, { transposeA: true });
}

/** The op definitions of gathering and scattering. */
export const gatherOps = {
  gather: definePrimitive<{ frozenRow: number | undefined }>({
    name: "gather",
    infer([table, ids]) {
      const [rows, indices] = [table, ids] as [TensorType, TensorType];
      if (indices.dtype !== "int64" || rows.shape.length === 0)
        throw shapeError("gather", "a table and int64 ids", rows, indices);
      return [{ dtype: rows.dtype, shape: [...indices.shape, ...rows.shape.slice(1)] }];
    },
    lower: (c) => [c.emit("Gather", c.inputs, { axis: 0 })],
    gradient({ inputs, gradients, attributes: { frozenRow } }) {
      const [table, ids] = inputs as [Value, Value];
      const count = productOf(ids.shape);
      let rows = reshape(gradients[0] as Value, [count, productOf(table.shape.slice(1))]);
      if (frozenRow !== undefined) {
        const frozen = constant({ dtype: "int64", shape: [], data: BigInt64Array.of(BigInt(frozenRow)) });
        rows = where(reshape(equal(ids, frozen), [count, 1]), scalar(0), rows);
      }
      return [reshape(sumByIds(reshape(ids, [count]), rows, table.shape[0] as Dimension), table.shape), undefined];
    },
  }),
  scatterAdd: definePrimitive<{ count: Dimension }>({
    name: "scatterAdd",
    infer([ids, rows], { count }) {
      const [indices, updates] = [ids, rows] as [TensorType, TensorType];
      if (indices.shape[0] !== updates.shape[0]) throw shapeError("scatterAdd", "one id a row", indices, updates);
      return [{ dtype: updates.dtype, shape: [count, updates.shape[1] as Dimension] }];
    },
    lower(c) {
      const [ids, rows] = c.inputs as [string, string];
      const zero = c.constant({ dtype: "float32", shape: [], data: Float32Array.of(0) });
      const zeros = c.emit("Expand", [zero, c.shape((c.outputTypes[0] as TensorType).shape)]);
      const column = c.emit("Unsqueeze", [ids, c.int64(1)]);
      const indices = c.emit("Expand", [column, c.shape((c.inputTypes[1] as TensorType).shape)]);
      return [c.emit("ScatterElements", [zeros, indices, rows], { axis: 0, reduction: "add" })];
    },
    gradient: ({ inputs, gradients }) => [undefined, gather(gradients[0] as Value, inputs[0] as Value)],
  }),
  takeAlong: definePrimitive<Record<never, never>>({
    name: "takeAlong",
    infer([x, index]) {
      const [values, at] = [x, index] as [TensorType, TensorType];
      const fits = at.dtype === "int64" && values.shape.slice(0, -1).join() === at.shape.slice(0, -1).join();
      if (!fits) throw shapeError("takeAlong", "int64 places of the same rows", values, at);
      return [{ dtype: values.dtype, shape: at.shape }];
    },
    lower: (c) => [c.emit("GatherElements", c.inputs, { axis: -1 })],
    gradient({ inputs, gradients }) {
      const [x, index] = inputs as [Value, Value];
      return [putAlong(index, gradients[0] as Value, x.shape.at(-1) as Dimension), undefined];
    },
  }),
  putAlong: definePrimitive<{ size: Dimension }>({
    name: "putAlong",
    infer: ([, x], { size }) => [{ dtype: "float32", shape: [...(x as TensorType).shape.slice(0, -1), size] }],
    lower(c) {
      const zero = c.constant({ dtype: "float32", shape: [], data: Float32Array.of(0) });
      const zeros = c.emit("Expand", [zero, c.shape((c.outputTypes[0] as TensorType).shape)]);
      return [c.emit("ScatterElements", [zeros, ...c.inputs], { axis: -1, reduction: "add" })];
    },
    gradient: ({ inputs, gradients }) => [undefined, takeAlong(gradients[0] as Value, inputs[0] as Value)],
  }),
  addAlong: definePrimitive<Record<never, never>>({
    name: "addAlong",
    infer([x, places, added]) {
      const [values, at, updates] = [x, places, added] as [TensorType, TensorType, TensorType];
      const fits = at.dtype === "int64" && at.shape.join() === updates.shape.join();
      if (!fits) throw shapeError("addAlong", "int64 places and as many entries", values, at, updates);
      return [values];
    },
    lower: (c) => [c.emit("ScatterElements", c.inputs, { axis: -1, reduction: "add" })],
    gradient: ({ inputs, gradients: [dy] }) => [dy, undefined, takeAlong(dy as Value, inputs[1] as Value)],
  }),
  iota: definePrimitive<{ size: Dimension }>({
    name: "iota",
    infer: (_, { size }) => [{ dtype: "int64", shape: [size] }],
    lower(c, { size }) {
      const bound = (value: bigint): string => c.constant({ dtype: "int64", shape: [], data: BigInt64Array.of(value) });
      return [c.emit("Range", [bound(0n), c.emit("Squeeze", [c.shape([size])]), bound(1n)])];
    },
    gradient: () => [],
  }),
  cumulativeSum: definePrimitive<{ axis: number; reverse: boolean }>({
    name: "cumulativeSum",
    infer: ([x]) => [x as TensorType],
    lower(c, { axis, reverse }) {
      const at = c.constant({ dtype: "int64", shape: [], data: BigInt64Array.of(BigInt(axis)) });
      return [c.emit("CumSum", [...c.inputs, at], { reverse: reverse ? 1 : 0 })];
    },
    gradient: ({ gradients, attributes: { axis, reverse } }) => [sumAlong(gradients[0] as Value, axis, !reverse)],
  }),
  oneHot: definePrimitive<{ depth: number }>({
    name: "oneHot",
    infer: ([ids], { depth }) => [{ dtype: "float32", shape: [...(ids as TensorType).shape, depth] }],
    // A comparison with all ids runs on all threads and is several times as fast as ONNX's OneHot.
    lower(c, { depth }) {
      const all = c.int64(...Array.from({ length: depth }, (_, id) => id));
      const equal = c.emit("Equal", [c.emit("Unsqueeze", [c.inputs[0] as string, c.int64(-1)]), all]);
      return [c.emit("Cast", [equal], { to: 1 })];
    },
    gradient: () => [undefined],
  }),
};

/**
 * The entries of a table `[N, …]` that int64 ids `[B, T]` name: `[B, T, …]`.
 * @param frozenRow an entry that gets no gradient, as torch's `padding_idx`
 */
export function gather(table: Value, ids: Value, frozenRow?: number): Value {
  return applyOne(gatherOps.gather, [table, ids], { frozenRow });
}

/** Adds rows `[M, E]` up by their ids `[M]`: `[count, E]`. */
export function scatterAdd(ids: Value, rows: Value, count: Dimension): Value {
  return applyOne(gatherOps.scatterAdd, [ids, rows], { count });
}

/** The entries of each row's last axis `[…, N]` at places `[…, M]`: `[…, M]`. */
export function takeAlong(x: Value, places: Value): Value {
  return applyOne(gatherOps.takeAlong, [x, places], {});
}

/** Adds entries `[…, M]` up at their places `[…, M]` in rows of a size: `[…, size]`. */
export function putAlong(places: Value, x: Value, size: Dimension): Value {
  return applyOne(gatherOps.putAlong, [places, x], { size });
}

/** x `[…, N]` with entries `[…, M]` added at places `[…, M]` of the last axis. */
export function addAlong(x: Value, places: Value, added: Value): Value {
  return applyOne(gatherOps.addAlong, [x, places, added], {});
}

/** 1 at each id and 0 elsewhere, along a new last axis. */
export function oneHot(ids: Value, depth: number): Value {
  return applyOne(gatherOps.oneHot, [ids], { depth });
}

/** The places of an axis, 0 to its size: int64 `[size]`. */
export function iota(size: Dimension): Value {
  return applyOne(gatherOps.iota, [], { size });
}

/** The sum of each entry and those before it along an axis. */
export function cumulativeSum(x: Value, axis: number): Value {
  return sumAlong(x, axis, false);
}

function sumAlong(x: Value, axis: number, reverse: boolean): Value {
  return applyOne(gatherOps.cumulativeSum, [x], { axis, reverse });
}
