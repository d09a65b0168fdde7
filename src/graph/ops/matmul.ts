import { definePrimitive, type LowerContext } from "../op.ts";
import { broadcast, productOf } from "../shape.ts";
import { applyOne, type Dimension, shapeError, type TensorType, type Value } from "../value.ts";
import { unbroadcast } from "./elementwise.ts";
import { reshape } from "./layout.ts";

/** The attributes of a matrix product. */
export interface MatmulAttributes {
  /** True if the last two axes of the first operand are swapped. */
  readonly transposeA: boolean;
  /** True if the last two axes of the second operand are swapped. */
  readonly transposeB: boolean;
  /** A factor on the product, applied by the same kernel. */
  readonly alpha: number;
}

const matmulOp = definePrimitive<MatmulAttributes>({
  name: "matmul",
  infer([a, b], { transposeA, transposeB }) {
    const [left, right] = [a, b] as [TensorType, TensorType];
    if (left.shape.length < 2 || right.shape.length < 2)
      throw shapeError("matmul", "operands of at least two axes", left, right);
    const [rows, inner] = lastTwo(left, transposeA);
    const [innerB, columns] = lastTwo(right, transposeB);
    const flags = `${transposeA ? "aᵀ" : "a"} ${transposeB ? "bᵀ" : "b"}`;
    if (inner !== innerB)
      throw shapeError(`matmul ${flags}`, `equal inner sizes, not ${inner} and ${innerB}`, left, right);
    const batch = broadcast("matmul", batchOf(left), batchOf(right));
    return [{ dtype: left.dtype, shape: [...batch, rows, columns] }];
  },
  lower(c, { transposeA, transposeB, alpha }) {
    const [a, b] = c.inputTypes as [TensorType, TensorType];
    if (transposeA && !transposeB && sumsManyRows(a, b)) return [turnedFirst(c, alpha)];
    if (!transposeA && !transposeB && alpha === 1) return [c.emit("MatMul", c.inputs)];
    const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0, alpha: { float: alpha } };
    return [c.emit("FusedMatMul", c.inputs, attributes, "com.microsoft")];
  },
  gradient({ inputs, gradients, attributes }) {
    const [a, b] = inputs as [Value, Value];
    const dy = gradients[0] as Value;
    const { transposeA, transposeB, alpha } = attributes;
    const da = transposeA
      ? matmul(b, dy, { transposeA: transposeB, transposeB: true, alpha })
      : matmul(dy, b, { transposeB: !transposeB, alpha });
    const flat = b.shape.length === 2 && a.shape.length > 2 && !transposeA;
    const [left, right] = flat ? [flatten(a), flatten(dy)] : [a, dy];
    const db = transposeB
      ? matmul(right, left, { transposeA: true, transposeB: transposeA, alpha })
      : matmul(left, right, { transposeA: !transposeA, alpha });
    return [unbroadcast(da, a.shape), unbroadcast(db, b.shape)];
  },
});

/** The least rows, and columns of either side, for which it pays to turn one side before the product. */
const MANY_ROWS = 1024;
const LEAST_COLUMNS = 128;

function sumsManyRows(a: TensorType, b: TensorType): boolean {
  const [rows, ...columns] = [a.shape[0], a.shape[1], b.shape[1]];
  const isLarge = (size: Dimension | undefined, least: number): boolean => typeof size === "number" && size >= least;
  const areMatrices = a.shape.length === 2 && b.shape.length === 2;
  return areMatrices && isLarge(rows, MANY_ROWS) && columns.every((size) => isLarge(size, LEAST_COLUMNS));
}

interface Side {
  readonly name: string;
  readonly columns: number;
}

/**
 * aᵀ b over many rows, the gradient of a weight. The engine's product reads rows quickest, so the narrower side is
 * turned first. Turned rows whose starts lie a multiple of 4,096 bytes apart would fall into the same few lines of the
 * cache: then the sum is cut in parts until they do not.
 */
function turnedFirst(c: LowerContext, alpha: number): string {
  const [a, b] = c.inputs.map((name, i) => ({ name, columns: c.inputTypes[i]?.shape[1] as number })) as [Side, Side];
  const isLeft = a.columns <= b.columns;
  const [narrow, wide] = isLeft ? [a, b] : [b, a];
  const rows = c.inputTypes[0]?.shape[0] as number;
  let parts = 1;
  while ((rows / parts) % 1024 === 0) parts *= 2;
  const cut = c.emit("Reshape", [narrow.name, c.int64(parts, rows / parts, narrow.columns)]);
  const turned = c.emit("Transpose", [cut], { perm: [0, 2, 1] });
  // an axis more, or the engine would take the transposition back into the product
  const left = c.emit("Reshape", [turned, c.int64(parts, 1, narrow.columns, rows / parts)]);
  const right = c.emit("Reshape", [wide.name, c.int64(parts, 1, rows / parts, wide.columns)]);
  const products = c.emit("FusedMatMul", [left, right], { alpha: { float: alpha } }, "com.microsoft");
  const sum = parts === 1 ? products : sumOfParts(c, products, parts, narrow.columns * wide.columns);
  const result = c.emit("Reshape", [sum, c.int64(narrow.columns, wide.columns)]);
  return isLeft ? result : c.emit("Transpose", [result], { perm: [1, 0] });
}

/** The sum over the first axis: a product with ones is the engine's quickest sum of a few long rows. */
function sumOfParts(c: LowerContext, x: string, parts: number, length: number): string {
  const ones = c.constant({ dtype: "float32", shape: [1, parts], data: new Float32Array(parts).fill(1) });
  return c.emit("MatMul", [ones, c.emit("Reshape", [x, c.int64(parts, length)])]);
}

function lastTwo({ shape }: TensorType, transposed: boolean): [Dimension, Dimension] {
  const [rows, columns] = shape.slice(-2) as [Dimension, Dimension];
  return transposed ? [columns, rows] : [rows, columns];
}

function batchOf({ dtype, shape }: TensorType): TensorType {
  return { dtype, shape: shape.slice(0, -2) };
}

/** `[…, N]` as one matrix `[M, N]`. */
function flatten(x: Value): Value {
  return reshape(x, [productOf(x.shape.slice(0, -1)), x.shape.at(-1) as Dimension]);
}

/**
 * alpha · a b over the last two axes, either of them transposed; leading axes broadcast.
 * @param a `[…, M, N]`
 * @param b `[…, N, O]`
 * @returns `[…, M, O]`
 */
export function matmul(a: Value, b: Value, options: Partial<MatmulAttributes> = {}): Value {
  return applyOne(matmulOp, [a, b], { transposeA: false, transposeB: false, alpha: 1, ...options });
}

export const matmulOps = { matmul: matmulOp };
