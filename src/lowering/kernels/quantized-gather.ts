import { type AttributesOf, apply, defineKernel, type TensorType } from "../../graph/index.ts";
import type { Kernel } from "./kernel.ts";

const gatherOp = defineKernel<AttributesOf<"quantizedGather">>({
  name: "gatherBlockQuantized",
  infer([levels, , ids], { bits }) {
    const [table, at] = [levels, ids] as [TensorType, TensorType];
    return [{ dtype: "float32", shape: [...at.shape, ((table.shape[1] as number) * 8) / bits] }];
  },
  lower(c, { bits, block }) {
    const [levels, scales, ids, ...zeros] = c.inputs as [string, string, string, ...string[]];
    const attributes = { gather_axis: 0, quantize_axis: 1, block_size: block, bits };
    return [c.emit("GatherBlockQuantized", [levels, ids, scales, ...zeros], attributes, "com.microsoft")];
  },
});

/** The engine's gathering of rows in blocks of few bits; its blocks are powers of 2 of at least 16. */
export const gatherBlockQuantized: Kernel<AttributesOf<"quantizedGather">> = {
  name: gatherOp.name,
  tolerance: 1e-6,
  fits: ({ attributes: { block } }, { phase }) => phase !== "train" && block >= 16 && (block & (block - 1)) === 0,
  build: ({ inputs, attributes }) => apply(gatherOp, inputs, attributes),
};
