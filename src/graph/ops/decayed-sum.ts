import { defineComposite } from "../op.ts";
import { apply, type Dimension, scalar, shapeError, type TensorType, type Value } from "../value.ts";
import { add, mul } from "./elementwise.ts";
import { expand, reshape } from "./layout.ts";
import { concat, slice, split, zerosLike } from "./slicing.ts";

/** The direction of a sum over time. */
export interface DecayedSumAttributes {
  /** True if the sum runs from the last step to the first. */
  readonly reverse: boolean;
}

const decayedSumOp = defineComposite<DecayedSumAttributes>({
  name: "decayedSum",
  infer(operands) {
    const [x, decay, first] = operands as [TensorType, TensorType, TensorType];
    const [batch, , size] = x.shape;
    const fits = x.shape.join() === decay.shape.join() && [batch, size].join() === first.shape.join();
    if (x.shape.length !== 3 || !fits) throw shapeError("decayedSum", "[B, T, C] twice, and [B, C]", x, decay, first);
    return [x, first];
  },
  decomposition: (operands, { reverse }) => byDoubling(operands as Operands, reverse),
  gradient: ({ inputs, outputs, gradients, attributes }) =>
    backThroughTime(inputs as Operands, outputs as [Value, Value], gradients, attributes.reverse),
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

/**
 * Sums over spans of 1, 2, 4, … steps, each made of two of half the length, in log₂ T rounds over all steps at once
 * (Hillis and Steele, "Data parallel algorithms", 1986).
 */
function byDoubling([x, decay, first]: Operands, reverse: boolean): Value[] {
  const [batch, length, size] = x.shape as [Dimension, Dimension, Dimension];
  if (typeof length !== "number") throw shapeError("decayedSum", "a known length where it is decomposed", x);
  let [sums, decays] = [x, decay];
  for (let span = 1; span < length; span *= 2) {
    const rest = length - span;
    const before = (values: Value, filling: number): Value => {
      const [one, two] = split(values, reverse ? [span, rest] : [rest, span], 1) as [Value, Value];
      const kept = reverse ? two : one;
      const zeros = zerosLike({ dtype: "float32", shape: [batch, span, size] });
      const filled = filling === 0 ? zeros : add(zeros, scalar(filling));
      return concat(reverse ? [kept, filled] : [filled, kept], 1);
    };
    sums = add(sums, mul(decays, before(sums, 0)));
    decays = mul(decays, before(decays, 1));
  }
  const all = add(sums, mul(decays, asStep(first)));
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

export const decayedSumOps = { decayedSum: decayedSumOp };
