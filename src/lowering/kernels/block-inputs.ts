import { type AttributesOf, apply, defineKernel, type TensorType } from "../../graph/index.ts";
import type { Kernel } from "./kernel.ts";

const gatherLastOp = defineKernel<AttributesOf<"takeColumns">>({
  name: "gatherLast",
  infer([x, order]) {
    const [input, index] = [x, order] as [TensorType, TensorType];
    return [{ dtype: input.dtype, shape: [...input.shape.slice(0, -1), ...index.shape] }];
  },
  lower: (c) => [c.emit("Gather", c.inputs, { axis: -1 })],
});

/** The engine's look-up along the last axis. */
export const gatherLast: Kernel<AttributesOf<"takeColumns">> = {
  name: gatherLastOp.name,
  tolerance: 1e-12,
  fits: (_, { phase }) => phase !== "train",
  build: ({ inputs, attributes }) => apply(gatherLastOp, inputs, attributes),
};
