import { multiplyHadamard } from "../../tensor/index.ts";
import { defineComposite, definePrimitive } from "../op.ts";
import { rowAxes } from "../shape.ts";
import { applyOne, constant, type Dimension, shapeError, type TensorType, type Value } from "../value.ts";
import { gather } from "./gather.ts";
import { reshape, transpose } from "./layout.ts";
import { reduceSum } from "./reduction.ts";

/** The blocks that the last axis consists of. */
export interface Blocks {
  /** The number of entries of a block. */
  readonly block: number;
}

/** The number of blocks in the last axis. */
function blockCount(op: string, x: TensorType | undefined, { block }: Blocks): number {
  const size = x?.shape.at(-1);
  if (!x || typeof size !== "number" || size % block !== 0)
    throw shapeError(op, `a last axis of whole blocks of ${block}`, ...(x ? [x] : []));
  return size / block;
}

const blockSumsOp = defineComposite<Blocks>({
  name: "blockSums",
  infer([x], blocks) {
    const count = blockCount("blockSums", x, blocks);
    const { dtype, shape } = x as TensorType;
    return [{ dtype, shape: [...shape.slice(0, -1), count] }];
  },
  sliceRule: rowAxes,
  decomposition([x], { block }) {
    const { shape } = x as Value;
    const count = (shape.at(-1) as number) / block;
    return [reduceSum(reshape(x as Value, [...shape.slice(0, -1), count, block]), [-1])];
  },
  gradient: "through decomposition",
});

const hadamardOp = definePrimitive<Blocks>({
  name: "hadamard",
  infer([x], blocks) {
    blockCount("hadamard", x, blocks);
    return [x as TensorType];
  },
  sliceRule: rowAxes,
  /** The axes before the last are those that come: experts are given other tokens than the graph says. */
  lower(c, { block }) {
    const [x, matrix] = c.inputs as [string, string];
    const { shape } = c.inputTypes[0] as TensorType;
    const [before, size] = [shape.slice(0, -1).map(() => 0), shape.at(-1) as number];
    const inBlocks = c.emit("Reshape", [x, c.int64(...before, size / block, block)]);
    return [c.emit("Reshape", [c.emit("MatMul", [inBlocks, matrix]), c.int64(...before, size)])];
  },
  gradient: ({ gradients, attributes: { block } }) => [hadamard(gradients[0] as Value, block), undefined],
});

const hadamardMatrices = new Map<number, Value>();

/** One constant for all operations of a block size. */
function hadamardMatrix(block: number): Value {
  const known = hadamardMatrices.get(block);
  if (known) return known;
  const data = new Float32Array(block * block);
  for (let i = 0; i < block; i++) data[i * block + i] = 1;
  multiplyHadamard(data, block);
  const matrix = constant({ dtype: "float32", shape: [block, block], data });
  hadamardMatrices.set(block, matrix);
  return matrix;
}

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

/**
 * Each block of the last axis times the Hadamard matrix with entries ±1 / √block (Sylvester's), which spreads a large entry
 * over its block: `[…, I]` → `[…, I]`. Applied twice, it gives x.
 * @param block a power of two that divides I
 */
export function hadamard(x: Value, block: number): Value {
  return applyOne(hadamardOp, [x, hadamardMatrix(block)], { block });
}

/** Entries of the last axis in another order: y[…, j] = x[…, order[j]], `[…, I]` and int64 `[J]` → `[…, J]`. */
export function takeColumns(x: Value, order: Value): Value {
  return applyOne(takeColumnsOp, [x, order], {});
}

export const blockInputOps = { blockSums: blockSumsOp, hadamard: hadamardOp, takeColumns: takeColumnsOp };
