import { definePrimitive } from "../op.ts";
import { broadcast, productOf } from "../shape.ts";
import { applyOne, type Dimension, shapeError, type TensorType, type Value } from "../value.ts";
import { unbroadcast } from "./elementwise.ts";
import { reshape } from "./layout.ts";

export interface MatmulAttributes {
  readonly transposeA: boolean;
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
