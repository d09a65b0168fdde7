import { defineComposite } from "../op.ts";
import { productOf } from "../shape.ts";
import { applyOne, type Dimension, shapeError, type TensorType, type Value } from "../value.ts";
import { gather } from "./gather.ts";
import { reshape } from "./layout.ts";
import { type BlockFormat, dequantize } from "./quantized-linear.ts";

/** The sizes of a table `[N, E]` of levels `[N, E · bits / 8]` and scales `[N, E / block]`. */
function rowSizes(levels: TensorType, { bits, block }: BlockFormat): { rowSize: number; count: number } {
  const rowSize = ((levels.shape[1] as number) * 8) / bits;
  return { rowSize, count: rowSize / block };
}

const quantizedGatherOp = defineComposite<BlockFormat>({
  name: "quantizedGather",
  infer([levels, scales, ids], format) {
    if (!levels || !scales || !ids) throw new TypeError("quantizedGather: takes levels, scales and ids");
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
    return [{ dtype: "float32", shape: [...ids.shape, rowSize] }];
  },
  decomposition([levels, scales, ids], format) {
    const [table, factors, at] = [levels, scales, ids] as [Value, Value, Value];
    const { rowSize, count } = rowSizes(table, format);
    const flat = reshape(at, [productOf(at.shape)]); // [M]
    const blocks = reshape(gather(table, flat), [flat.shape[0] as Dimension, count, (format.block * format.bits) / 8]);
    return [reshape(dequantize(blocks, gather(factors, flat), format), [...at.shape, rowSize])];
  },
  gradient: "through decomposition",
});

/**
 * The rows that ids name of a table `[N, E]` in few bits: only these rows are expanded. A value is
 * (level − 2^(bits − 1)) · scale; of two levels of 4 bits in a byte, the first has the lower half.
 * @param table `levels` uint8 `[N, E · bits / 8]`; `scales` `[N, E / block]`
 * @param ids int64 `[…]`
 * @returns `[…, E]`
 */
export function quantizedGather(
  [levels, scales]: readonly [levels: Value, scales: Value],
  ids: Value,
  format: BlockFormat,
): Value {
  return applyOne(quantizedGatherOp, [levels, scales, ids], format);
}

export const quantizedGatherOps = { quantizedGather: quantizedGatherOp };
