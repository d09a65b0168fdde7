import { defineComposite } from "../op.ts";
import { rowAxes } from "../shape.ts";
import { applyOne, type Dimension, shapeError, type Value } from "../value.ts";
import { gather } from "./gather.ts";
import { reshape, transpose } from "./layout.ts";
import { reduceSum } from "./reduction.ts";

const blockSumsOp = defineComposite<{ readonly block: number }>({
  name: "blockSums",
  infer([x], { block }) {
    const size = x?.shape.at(-1);
    if (!x || typeof size !== "number" || size % block !== 0)
      throw shapeError("blockSums", `a last axis of whole blocks of ${block}`, ...(x ? [x] : []));
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, -1), size / block] }];
  },
  sliceRule: rowAxes,
  decomposition([x], { block }) {
    const { shape } = x as Value;
    const count = (shape.at(-1) as number) / block;
    return [reduceSum(reshape(x as Value, [...shape.slice(0, -1), count, block]), [-1])];
  },
  gradient: "through decomposition",
});

const takeColumnsOp = defineComposite<object>({
  name: "takeColumns",
  infer([x, order]) {
    if (!x || !order || order.dtype !== "int64" || order.shape.length !== 1)
      throw shapeError("takeColumns", "x and int64 indices of its last axis", ...(x && order ? [x, order] : []));
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, -1), order.shape[0] as Dimension] }];
  },
  sliceRule: rowAxes,
  decomposition([x, order]) {
    const rank = (x as Value).shape.length;
    const axes = Array.from({ length: rank }, (_, axis) => axis);
    const lastFirst = transpose(x as Value, [rank - 1, ...axes.slice(0, -1)]);
    return [transpose(gather(lastFirst, order as Value), [...axes.slice(1), 0])];
  },
  gradient: "through decomposition",
});

/** The sum of each block of the last axis: `[…, I]` → `[…, I / block]`. */
export function blockSums(x: Value, block: number): Value {
  return applyOne(blockSumsOp, [x], { block });
}

/** Entries of the last axis in another order: y[…, j] = x[…, order[j]], `[…, I]` and int64 `[J]` → `[…, J]`. */
export function takeColumns(x: Value, order: Value): Value {
  return applyOne(takeColumnsOp, [x, order], {});
}

export const blockInputOps = { blockSums: blockSumsOp, takeColumns: takeColumnsOp };
