import { type AttributesOf, apply, defineKernel, type TensorType } from "../../graph/index.ts";
import type { Kernel } from "./kernel.ts";

const skipNormOp = defineKernel<AttributesOf<"skipRmsNorm">>({
  name: "skipSimplifiedLayerNormalization",
  infer: ([a]) => [a as TensorType, a as TensorType],
  lower(c, { epsilon }) {
    const type = "SkipSimplifiedLayerNormalization";
    const [normed, , , sum] = c.emitMany(type, c.inputs, 4, { epsilon: { float: epsilon } }, "com.microsoft");
    return [normed as string, sum as string];
  },
});

/** The engine's sum and RMS norm in one. */
export const skipSimplifiedLayerNorm: Kernel<AttributesOf<"skipRmsNorm">> = {
  name: skipNormOp.name,
  tolerance: 1e-6,
  fits: ({ inputs }) => (inputs[0]?.shape.length ?? 0) === 3,
  build: ({ inputs, attributes }) => apply(skipNormOp, inputs, attributes),
};
