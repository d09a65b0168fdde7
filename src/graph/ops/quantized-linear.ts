import { defineComposite, definePrimitive, type LowerContext } from "../op.ts";
import { rowAxes } from "../shape.ts";
import { applyOne, type Dimension, shapeError, type TensorType, type Value } from "../value.ts";
import { add, unbroadcast } from "./elementwise.ts";
import { matmul } from "./matmul.ts";

/** The way in which a matrix is stored in few bits: blocks along its input axis, each with a scale. */
export interface BlockFormat {
  /** The number of bits of a weight. */
  readonly bits: 4 | 8;
  /** The number of weights that share a scale. */
  readonly block: number;
}

/**
 * The parts of a matrix `[O, I]` in few bits: levels uint8 `[O, I / block, block · bits / 8]`, scales `[O, I / block]`, and
 * perhaps, of 4 bits, the levels of the blocks that stand for 0, uint8 `[O, ⌈I / block / 2⌉]`. A weight is (level − zero) · scale,
 * with zero = 2^(bits − 1) by default. Of two levels of 4 bits in a byte, the first has the lower half.
 */
export type BlockMatrix = readonly [blocks: Value, scales: Value, zeros?: Value | undefined];

/** The format of an operation's matrix, and whether its zeros are an input. */
export interface BlockAttributes extends BlockFormat {
  readonly hasZeros: boolean;
}

/** `[O, I]` of blocks `[O, I / block, bytes]` and scales `[O, I / block]`. */
function matrixShape(blocks: TensorType, { block }: BlockFormat): readonly [outSize: Dimension, inSize: number] {
  const [outSize, count] = blocks.shape as [Dimension, number];
  return [outSize, count * block];
}

/** Refuses zeros that do not fit a matrix of `count` blocks in each of `rows`. */
export function checkZeros(op: string, zeros: TensorType | undefined, scales: TensorType, { bits }: BlockFormat): void {
  if (!zeros) return;
  const [rows, count] = scales.shape as [Dimension, number];
  const expected = [rows, Math.ceil(count / 2)];
  if (bits !== 4 || zeros.dtype !== "uint8" || zeros.shape.join() !== expected.join())
    throw shapeError(op, `zeros of 4 bits, uint8 [${expected}]`, zeros);
}

const dequantizeOp = definePrimitive<BlockAttributes>({
  name: "dequantize",
  infer([blocks, scales, zeros], format) {
    const [stored, factors] = [blocks, scales] as [TensorType, TensorType];
    const bytes = (format.block * format.bits) / 8;
    const fits = stored.dtype === "uint8" && stored.shape[2] === bytes;
    if (!fits || factors.shape.join() !== stored.shape.slice(0, 2).join())
      throw shapeError("dequantize", `blocks [O, N, ${bytes}] and scales [O, N]`, stored, factors);
    checkZeros("dequantize", zeros, factors, format);
    return [{ dtype: "float32", shape: matrixShape(stored, format) }];
  },
  lower(c, { bits, block }) {
    const [blocks, scales, zeros] = c.inputs as [string, string, string?];
    const [, count] = (c.inputTypes[0] as TensorType).shape as [Dimension, number];
    const column = (x: string): string => c.emit("Unsqueeze", [x, c.int64(-1)]);
    const float = (x: string): string => c.emit("Cast", [x], { to: 1 });
    const levels = bits === 4 ? c.emit("Reshape", [halves(c, blocks), c.int64(-1, count, block)]) : blocks;
    const middle = c.constant({ dtype: "float32", shape: [], data: Float32Array.of(2 ** (bits - 1)) });
    const zero = zeros === undefined ? middle : column(float(zerosOf(c, zeros, count)));
    const centred = c.emit("Sub", [float(levels), zero]);
    return [c.emit("Reshape", [c.emit("Mul", [centred, column(scales)]), c.int64(-1, count * block)])];
  },
  gradient: () => [undefined, undefined, undefined],
});

/** Bytes `[…]` as the two levels of each, `[…, 2]`. */
function halves(c: LowerContext, bytes: string): string {
  const byte = (value: number): string => c.constant({ dtype: "uint8", shape: [], data: Uint8Array.of(value) });
  const column = (x: string): string => c.emit("Unsqueeze", [x, c.int64(-1)]);
  const low = c.emit("BitwiseAnd", [bytes, byte(15)]);
  const high = c.emit("BitShift", [bytes, byte(4)], { direction: "RIGHT" });
  return c.emit("Concat", [column(low), column(high)], { axis: -1 });
}

/** The zeros of the blocks of each row, `[O, count]`. */
function zerosOf(c: LowerContext, packed: string, count: number): string {
  const even = c.emit("Reshape", [halves(c, packed), c.int64(-1, 2 * Math.ceil(count / 2))]);
  return count % 2 === 0 ? even : c.emit("Slice", [even, c.int64(0), c.int64(count), c.int64(-1)]);
}

/** The operands of a product by their roles. */
function operandsOf<T>(inputs: readonly T[], { hasZeros }: BlockAttributes) {
  const [x, blocks, scales, ...rest] = inputs as readonly [T, T, T, ...T[]];
  const [zeros, bias] = hasZeros ? rest : [undefined, rest[0]];
  return { x, blocks, scales, zeros, bias };
}

const quantizedLinearOp = defineComposite<BlockAttributes>({
  name: "quantizedLinear",
  infer(inputs, format) {
    if (inputs.length < 3) throw new TypeError("quantizedLinear: takes x, blocks, scales and perhaps zeros and bias");
    const { x, blocks, scales, zeros, bias } = operandsOf(inputs, format);
    const [outSize, inSize] = matrixShape(blocks, format);
    if (x.shape.at(-1) !== inSize || (bias && bias.shape.join() !== String(outSize)))
      throw shapeError("quantizedLinear", `x of ${inSize} and a bias of ${outSize}`, x, ...(bias ? [bias] : []));
    checkZeros("quantizedLinear", zeros, scales, format);
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, -1), outSize] }];
  },
  sliceRule: rowAxes,
  decomposition(inputs, format) {
    const { x, blocks, scales, zeros, bias } = operandsOf(inputs, format);
    const product = matmul(x, dequantize([blocks, scales, zeros], format), { transposeB: true });
    return [bias ? add(product, bias) : product];
  },
  /** The matrix is expanded anew, so that it need not be kept between the two passes. */
  gradient({ inputs, gradients, attributes }) {
    const { blocks, scales, zeros, bias } = operandsOf(inputs, attributes);
    const dy = gradients[0] as Value;
    const dx = matmul(dy, dequantize([blocks, scales, zeros], attributes));
    return [dx, undefined, undefined, ...(zeros ? [undefined] : []), ...(bias ? [unbroadcast(dy, bias.shape)] : [])];
  },
});

/** The matrix `[O, I]` that its parts in few bits stand for. */
export function dequantize([blocks, scales, zeros]: BlockMatrix, { bits, block }: BlockFormat): Value {
  const parts = zeros ? [blocks, scales, zeros] : [blocks, scales];
  return applyOne(dequantizeOp, parts, { bits, block, hasZeros: zeros !== undefined });
}

/**
 * y = x Wᵀ + b, with W in few bits.
 * @param x `[…, I]`
 * @param matrix W, `[O, I]`
 * @param bias `[O]`
 * @returns `[…, O]`
 */
export function quantizedLinear(
  x: Value,
  [blocks, scales, zeros]: BlockMatrix,
  bias: Value | undefined,
  { bits, block }: BlockFormat,
): Value {
  const inputs = [x, blocks, scales, zeros, bias].filter((value) => value !== undefined);
  return applyOne(quantizedLinearOp, inputs, { bits, block, hasZeros: zeros !== undefined });
}

export const quantizedLinearOps = { dequantize: dequantizeOp, quantizedLinear: quantizedLinearOp };
