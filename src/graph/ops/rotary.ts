import { defineComposite } from "../op.ts";
import { applyOne, type Dimension, shapeError, type Value } from "../value.ts";
import { add, mul, sub } from "./elementwise.ts";
import { gather } from "./gather.ts";
import { reshape } from "./layout.ts";
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

const rotaryAtOp = defineComposite<{ readonly heads: number }>({
  name: "rotaryAt",
  infer([x, positions, cos, sin], { heads }) {
    if (!x || !positions || !cos || !sin) throw new TypeError("rotaryAt: takes x, positions, cos and sin");
    const [size, half] = [Number(x.shape[2]) / heads, Number(cos.shape[1])];
    const fits = Number.isInteger(size) && 2 * half <= size && cos.shape.join() === sin.shape.join();
    if (!fits || positions.dtype !== "int64")
      throw shapeError("rotaryAt", "x [B, T, H·D], int64 positions [B, T], tables [N, R / 2]", x, positions, cos, sin);
    return [{ dtype: x.dtype, shape: x.shape }];
  },
  decomposition([x, positions, cos, sin], { heads }) {
    const [batch, length, width] = (x as Value).shape as [Dimension, Dimension, number];
    const [size, half] = [width / heads, (cos as Value).shape[1] as number];
    const rows = (table: Value): Value => reshape(gather(table, positions as Value), [batch, length, 1, half]);
    const [cosines, sines] = [rows(cos as Value), rows(sin as Value)];
    const rest = size - 2 * half;
    const sizes = [half, half, ...(rest > 0 ? [rest] : [])];
    const [first, second, ...fixed] = split(reshape(x as Value, [batch, length, heads, size]), sizes, -1) as [
      Value,
      Value,
      ...Value[],
    ];
    const turned = [
      sub(mul(first, cosines), mul(second, sines)),
      add(mul(second, cosines), mul(first, sines)),
      ...fixed,
    ];
    return [reshape(concat(turned, -1), [batch, length, width])];
  },
  gradient: "through decomposition",
});

/**
 * The same for heads side by side, `[B, T, H·D]`, by tables of all positions: the first R dimensions of each head are
 * turned, as (x₁, x₂) → (x₁ cos − x₂ sin, x₂ cos + x₁ sin).
 * @param positions int64 `[B, T]`, the row of the tables for each token
 * @param cos `[N, R / 2]`; `sin` likewise
 */
export function rotaryAt(x: Value, positions: Value, cos: Value, sin: Value, heads: number): Value {
  return applyOne(rotaryAtOp, [x, positions, cos, sin], { heads });
}

export const rotaryOps = { rotary: rotaryOp, rotaryAt: rotaryAtOp };
