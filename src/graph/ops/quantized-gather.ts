import { defineComposite } from "../op.ts";
import { productOf } from "../shape.ts";
import { applyOne, type Dimension, shapeError, type TensorType, type Value } from "../value.ts";
import { gather } from "./gather.ts";
import { reshape } from "./layout.ts";
import { type BlockAttributes, type BlockFormat, checkZeros, dequantize } from "./quantized-linear.ts";

/** The sizes of a table `[N, E]` of levels `[N, E · bits / 8]` and scales `[N, E / block]`. */
function rowSizes(levels: TensorType, { bits, block }: BlockFormat): { rowSize: number; count: number } {
  const rowSize = ((levels.shape[1] as number) * 8) / bits;
  return { rowSize, count: rowSize / block };
}

const quantizedGatherOp = defineComposite<BlockAttributes>({
  name: "quantizedGather",
  infer([levels, scales, ids, zeros], format) {
    if (!levels || !scales || !ids) throw new TypeError("quantizedGather: takes levels, scales, ids and perhaps zeros");
    const { rowSize, count } = rowSizes(levels, format);
    const fits = levels.dtype === "uint8" && levels.shape.length === 2 && ids.dtype === "int64";
    if (!fits || scales.shape.join() !== [levels.shape[0], count].join())
      throw shapeError(
        "quantizedGather",
        "levels [N, bytes], scales [N, E / block] and int64 ids",
        levels,
        scales,
        ids,
      );
    checkZeros("quantizedGather", zeros, scales, format);
    return [{ dtype: "float32", shape: [...ids.shape, rowSize] }];
  },
  decomposition([levels, scales, ids, zeros], format) {
    const [table, factors, at] = [levels, scales, ids] as [Value, Value, Value];
    const { rowSize, count } = rowSizes(table, format);
    const flat = reshape(at, [productOf(at.shape)]); // [M]
    const blocks = reshape(gather(table, flat), [flat.shape[0] as Dimension, count, (format.block * format.bits) / 8]);
    const parts = [blocks, gather(factors, flat), zeros && gather(zeros, flat)] as const;
    return [reshape(dequantize(parts, format), [...at.shape, rowSize])];
  },
  gradient: "through decomposition",
});

/**
 * The rows that ids name of a table `[N, E]` in few bits: only these rows are expanded. A value is
 * (level − zero) · scale, with zero = 2^(bits − 1) by default; of two levels of 4 bits in a byte, the first has the lower half.
 * @param table `levels` uint8 `[N, E · bits / 8]`; `scales` `[N, E / block]`; perhaps `zeros` uint8 `[N, ⌈E / block / 2⌉]`
 * @param ids int64 `[…]`
 * @returns `[…, E]`
 */
export function quantizedGather(
  [levels, scales, zeros]: readonly [levels: Value, scales: Value, zeros?: Value | undefined],
  ids: Value,
  { bits, block }: BlockFormat,
): Value {
  const inputs = zeros ? [levels, scales, ids, zeros] : [levels, scales, ids];
  return applyOne(quantizedGatherOp, inputs, { bits, block, hasZeros: zeros !== undefined });
}

export const quantizedGatherOps = { quantizedGather: quantizedGatherOp };
