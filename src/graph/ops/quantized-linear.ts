import { defineComposite, definePrimitive } from "../op.ts";
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

/** `[O, I]` of blocks `[O, I / block, bytes]` and scales `[O, I / block]`. */
function matrixShape(blocks: TensorType, { block }: BlockFormat): readonly [outSize: Dimension, inSize: number] {
  const [outSize, count] = blocks.shape as [Dimension, number];
  return [outSize, count * block];
}

const dequantizeOp = definePrimitive<BlockFormat>({
  name: "dequantize",
  infer([blocks, scales], format) {
    const [stored, factors] = [blocks, scales] as [TensorType, TensorType];
    const bytes = (format.block * format.bits) / 8;
    const fits = stored.dtype === "uint8" && stored.shape[2] === bytes;
    if (!fits || factors.shape.join() !== stored.shape.slice(0, 2).join())
      throw shapeError("dequantize", `blocks [O, N, ${bytes}] and scales [O, N]`, stored, factors);
    return [{ dtype: "float32", shape: matrixShape(stored, format) }];
  },
  lower(c, { bits, block }) {
    const [blocks, scales] = c.inputs as [string, string];
    const [, count] = (c.inputTypes[0] as TensorType).shape as [Dimension, number];
    const byte = (value: number): string => c.constant({ dtype: "uint8", shape: [], data: Uint8Array.of(value) });
    const column = (x: string): string => c.emit("Unsqueeze", [x, c.int64(-1)]);
    let levels = blocks;
    if (bits === 4) {
      const low = c.emit("BitwiseAnd", [blocks, byte(15)]);
      const high = c.emit("BitShift", [blocks, byte(4)], { direction: "RIGHT" });
      const pairs = c.emit("Concat", [column(low), column(high)], { axis: -1 });
      levels = c.emit("Reshape", [pairs, c.int64(-1, count, block)]);
    }
    const middle = c.constant({ dtype: "float32", shape: [], data: Float32Array.of(2 ** (bits - 1)) });
    const centred = c.emit("Sub", [c.emit("Cast", [levels], { to: 1 }), middle]);
    return [c.emit("Reshape", [c.emit("Mul", [centred, column(scales)]), c.int64(-1, count * block)])];
  },
  gradient: () => [undefined, undefined],
});

const quantizedLinearOp = defineComposite<BlockFormat>({
  name: "quantizedLinear",
  infer([x, blocks, scales, bias], format) {
    if (!x || !blocks || !scales) throw new TypeError("quantizedLinear: takes x, blocks, scales and perhaps bias");
    const [outSize, inSize] = matrixShape(blocks, format);
    if (x.shape.at(-1) !== inSize || (bias && bias.shape.join() !== String(outSize)))
      throw shapeError("quantizedLinear", `x of ${inSize} and a bias of ${outSize}`, x, ...(bias ? [bias] : []));
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, -1), outSize] }];
  },
  sliceRule: rowAxes,
  decomposition([x, blocks, scales, bias], format) {
    const weight = applyOne(dequantizeOp, [blocks as Value, scales as Value], format);
    const product = matmul(x as Value, weight, { transposeB: true });
    return [bias ? add(product, bias) : product];
  },
  /** The matrix is expanded anew, so that it need not be kept between the two passes. */
  gradient({ inputs: [, blocks, scales, bias], gradients, attributes }) {
    const dy = gradients[0] as Value;
    const weight = applyOne(dequantizeOp, [blocks as Value, scales as Value], attributes);
    return [matmul(dy, weight), undefined, undefined, bias && unbroadcast(dy, bias.shape)];
  },
});

/** The matrix `[O, I]` of blocks: uint8 `[O, I / block, block · bits / 8]`, and scales `[O, I / block]`. */
export function dequantize(blocks: Value, scales: Value, format: BlockFormat): Value {
  return applyOne(dequantizeOp, [blocks, scales], format);
}

/**
 * y = x Wᵀ + b, with W in few bits: a weight is (level − 2^(bits − 1)) · scale. Of two weights of 4 bits in a byte, the
 * first has the lower half.
 * @param x `[…, I]`
 * @param matrix `blocks` uint8 `[O, I / block, block · bits / 8]`; `scales` `[O, I / block]`
 * @param bias `[O]`
 * @returns `[…, O]`
 */
export function quantizedLinear(
  x: Value,
  [blocks, scales]: readonly [blocks: Value, scales: Value],
  bias: Value | undefined,
  format: BlockFormat,
): Value {
  return applyOne(quantizedLinearOp, bias ? [x, blocks, scales, bias] : [x, blocks, scales], format);
}

export const quantizedLinearOps = { dequantize: dequantizeOp, quantizedLinear: quantizedLinearOp };
