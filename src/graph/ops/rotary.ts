import { defineComposite } from "../op.ts";
import { applyOne, shapeError, type Value } from "../value.ts";
import { add, mul } from "./elementwise.ts";
import { concat, split } from "./slicing.ts";

const rotaryOp = defineComposite<object>({
  name: "rotary",
  infer([x, cos, sin]) {
    if (!x || !cos || !sin) throw new TypeError("rotary: takes x, cos and sin");
    const size = x.shape.at(-1);
    if (typeof size !== "number" || size % 2 !== 0 || cos.shape.at(-1) !== size || sin.shape.at(-1) !== size) {
      throw shapeError("rotary", "an even last axis, equal in x, cos and sin", x, cos, sin);
    }
    return [{ dtype: x.dtype, shape: x.shape }];
  },
  decomposition([x, cos, sin]) {
    const half = ((x as Value).shape.at(-1) as number) / 2;
    const [first, second] = split(x as Value, [half, half], -1);
    const swapped = concat([second as Value, first as Value], -1);
    return [add(mul(x as Value, cos as Value), mul(swapped, sin as Value))];
  },
  gradient: "through decomposition",
});

/**
 * Rotary position embedding on halves, as Hugging Face checkpoints store it:
 * (x₁, x₂) → (x₁ cos − x₂ sin, x₂ cos + x₁ sin).
 * @param x `[B, H, T, D]`
 * @param cos `[B, 1, T, D]`, both halves equal
 * @param sin `[B, 1, T, D]`, the first half negated
 * @see Su et al., "RoFormer" (2021)
 */
export function rotary(x: Value, cos: Value, sin: Value): Value {
  return applyOne(rotaryOp, [x, cos, sin], {});
}

export const rotaryOps = { rotary: rotaryOp };
