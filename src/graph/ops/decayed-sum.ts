import { defineComposite } from "../op.ts";
import { apply, type Dimension, scalar, shapeError, type TensorType, type Value } from "../value.ts";
import { add, max, mul } from "./elementwise.ts";
import { expand, reshape } from "./layout.ts";
import { concat, slice, split, zerosLike } from "./slicing.ts";

/** The direction of a sum over time. */
export interface DecayedSumAttributes {
  /** True if the sum runs from the last step to the first. */
  readonly reverse: boolean;
}

function inferDecayed(name: string, operands: readonly TensorType[]): TensorType[] {
  const [x, decay, first] = operands as [TensorType, TensorType, TensorType];
  const [batch, , size] = x.shape;
  const fits = x.shape.join() === decay.shape.join() && [batch, size].join() === first.shape.join();
  if (x.shape.length !== 3 || !fits) throw shapeError(name, "[B, T, C] twice, and [B, C]", x, decay, first);
  return [x, first];
}

const decayedSumOp = defineComposite<DecayedSumAttributes>({
  name: "decayedSum",
  infer: (operands) => inferDecayed("decayedSum", operands),
  decomposition: (operands, { reverse }) => byDoubling(operands as Operands, reverse, sums),
  gradient: ({ inputs, outputs, gradients, attributes }) =>
    backThroughTime(inputs as Operands, outputs as [Value, Value], gradients, attributes.reverse),
});

const decayedMaxOp = defineComposite<Record<never, never>>({
  name: "decayedMax",
  infer: (operands) => inferDecayed("decayedMax", operands),
  decomposition: (operands) => byDoubling(operands as Operands, false, maxima),
  gradient: ({ inputs }) => inputs.map(() => undefined),
});

type Operands = readonly [x: Value, decay: Value, first: Value];

/** One step `[B, C]` as a sequence `[B, 1, C]`. */
const asStep = (x: Value): Value => reshape(x, [x.shape[0] as Dimension, 1, x.shape[1] as Dimension]);
const asState = (x: Value): Value => reshape(x, [x.shape[0] as Dimension, x.shape[2] as Dimension]);

/** All entries moved by one step in the direction of the sum, behind `first`; the last one drops out. */
function shifted(x: Value, first: Value, reverse: boolean): Value {
  const [, length] = x.shape as [Dimension, Dimension];
  return reverse
    ? (split(concat([x, asStep(first)], 1), [1, length], 1)[1] as Value)
    : (split(concat([asStep(first), x], 1), [length, 1], 1)[0] as Value);
}

/** The entry of the step at which a sum ends. */
const lastOf = (x: Value, reverse: boolean): Value =>
  asState(reverse ? slice(x, 1, 0, 1) : slice(x, 1, -1, Number.MAX_SAFE_INTEGER));

/** The two operations of a recurrence h ← decay ∘ h + x, and the numbers that change nothing in either. */
interface Algebra {
  readonly sum: (a: Value, b: Value) => Value;
  readonly product: (a: Value, b: Value) => Value;
  readonly zero: number;
  readonly one: number;
}

const sums: Algebra = { sum: add, product: mul, zero: 0, one: 1 };
/** In logarithms of what is largest: a product is a sum, and a sum the larger one. */
const maxima: Algebra = { sum: max, product: add, zero: -1e38, one: 0 };

/**
 * Sums over spans of 1, 2, 4, … steps, each made of two of half the length, in log₂ T rounds over all steps at once
 * (Hillis and Steele, "Data parallel algorithms", 1986).
 */
function byDoubling([x, decay, first]: Operands, reverse: boolean, { sum, product, zero, one }: Algebra): Value[] {
  const [batch, length, size] = x.shape as [Dimension, Dimension, Dimension];
  if (typeof length !== "number") throw shapeError("decayedSum", "a known length where it is decomposed", x);
  let [totals, decays] = [x, decay];
  for (let span = 1; span < length; span *= 2) {
    const rest = length - span;
    const before = (values: Value, filling: number): Value => {
      const kept = split(values, reverse ? [span, rest] : [rest, span], 1)[reverse ? 1 : 0] as Value;
      const filled = add(zerosLike({ dtype: "float32", shape: [batch, span, size] }), scalar(filling));
      return concat(reverse ? [kept, filled] : [filled, kept], 1);
    };
    totals = sum(totals, product(decays, before(totals, zero)));
    decays = product(decays, before(decays, one));
  }
  const all = sum(totals, product(decays, asStep(first)));
  return [all, lastOf(all, reverse)];
}

/** The gradient of each step is a decayed sum too, in the other direction. */
function backThroughTime(
  [, decay, first]: Operands,
  [all]: readonly [Value, Value],
  [dAll, dLast]: readonly (Value | undefined)[],
  reverse: boolean,
): Value[] {
  const none = zerosLike(first);
  const ones = add(none, scalar(1));
  const { all: arrived } = decayedSum(dAll ?? zerosLike(all), shifted(decay, ones, !reverse), dLast ?? none, {
    reverse: !reverse,
  });
  const ofFirst = mul(lastOf(arrived, !reverse), lastOf(decay, !reverse));
  return [arrived, mul(arrived, shifted(all, first, reverse)), ofFirst];
}

/**
 * A linear recurrence of each entry by itself, hₜ = dₜ hₜ₋₁ + xₜ.
 * @param x `[B, T, C]`, what each step adds
 * @param decay `[B, T, C]` or of sizes that expand to it, what each step keeps of the sum before
 * @param first `[B, C]`, the sum before the first step
 * @returns all sums `[B, T, C]`, and the last `[B, C]`
 */
export function decayedSum(
  x: Value,
  decay: Value,
  first: Value,
  { reverse = false }: Partial<DecayedSumAttributes> = {},
): { all: Value; last: Value } {
  const [all, last] = apply(decayedSumOp, [x, expand(decay, x.shape), first], { reverse });
  return { all: all as Value, last: last as Value };
}

/**
 * The largest entry so far, which decays: mₜ = max(mₜ₋₁ + dₜ, xₜ). It has no gradient: it is there to scale what would be
 * too large for float32, and the scale cancels out.
 * @param x `[B, T, C]`
 * @param logDecay `[B, T, C]` or of sizes that expand to it
 * @param first `[B, C]`, before the first step
 * @returns the largest at all steps `[B, T, C]`, and at the last `[B, C]`
 */
export function decayedMax(x: Value, logDecay: Value, first: Value): { all: Value; last: Value } {
  const [all, last] = apply(decayedMaxOp, [x, expand(logDecay, x.shape), first], {});
  return { all: all as Value, last: last as Value };
}

export const decayedSumOps = { decayedSum: decayedSumOp, decayedMax: decayedMaxOp };
