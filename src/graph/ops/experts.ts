import { defineComposite } from "../op.ts";
import { apply, applyOne, type Dimension, shapeError, type TensorType, type Value } from "../value.ts";
import { add, mul } from "./elementwise.ts";
import { split } from "./slicing.ts";

/** The attributes of both ends of a mixture of experts. */
export interface MixtureAttributes {
  /** The number of experts that each token goes to. */
  readonly perToken: number;
}

function rowsAlike(op: string, x: TensorType, perExpert: TensorType): void {
  const fits = x.shape.length === 3 && x.shape.slice(0, 2).join() === perExpert.shape.slice(0, 2).join();
  if (!fits || typeof perExpert.shape[2] !== "number" || perExpert.shape.length !== 3)
    throw shapeError(op, "states [B, T, E] and a number [B, T, N] for each expert", x, perExpert);
}

const toExpertsOp = defineComposite<MixtureAttributes>({
  name: "toExperts",
  infer([x, mask]) {
    const [states, choice] = [x, mask] as [TensorType, TensorType];
    rowsAlike("toExperts", states, choice);
    return Array.from({ length: choice.shape[2] as number }, () => ({ dtype: states.dtype, shape: states.shape }));
  },
  sliceRule: (axis) => (axis === 2 ? undefined : { axes: [axis, axis] }),
  decomposition: ([x, mask]) => Array.from({ length: (mask as Value).shape[2] as number }, () => x as Value),
  gradient: "through decomposition",
});

const fromExpertsOp = defineComposite<MixtureAttributes>({
  name: "fromExperts",
  infer([shares, ...results]) {
    const [weights, first] = [shares, results[0]] as [TensorType, TensorType];
    rowsAlike("fromExperts", first, weights);
    const areAlike = results.every(({ shape }) => shape.join() === first.shape.join());
    if (results.length !== weights.shape[2] || !areAlike)
      throw shapeError("fromExperts", "shares [B, T, N] and N results of one shape [B, T, E]", weights, ...results);
    return [{ dtype: first.dtype, shape: first.shape }];
  },
  sliceRule: (axis, inputs) => (axis === 2 ? undefined : { axes: inputs.map(() => axis) }),
  decomposition([shares, ...results]) {
    const each = results.map((): Dimension => 1);
    const parts = split(shares as Value, each, -1).map((share, i) => mul(share, results[i] as Value)); // N × [B, T, E]
    return [parts.reduce((sum, part) => add(sum, part))];
  },
  gradient: "through decomposition",
});

/**
 * Sends tokens to the experts that they have chosen. Each result stands for the tokens of one expert, and lowering computes
 * what follows from it, up to {@link fromExperts}, for these tokens alone; as a decomposition each is all of x.
 * @param x `[B, T, E]`
 * @param mask `[B, T, N]`: 1 for the chosen experts, `perToken` in every row, 0 for the others
 * @returns N × `[B, T, E]`
 * @see Shazeer et al., "Outrageously large neural networks" (2017)
 */
export function toExperts(x: Value, mask: Value, perToken: number): readonly Value[] {
  return apply(toExpertsOp, [x, mask], { perToken });
}

/**
 * Σᵢ sharesᵢ · yᵢ: the results of the experts, each weighed by the token's share.
 * @param shares `[B, T, N]`: 0 for experts that are not chosen
 * @param results N × `[B, T, E]`, computed from those of {@link toExperts}
 * @returns `[B, T, E]`
 */
export function fromExperts(shares: Value, results: readonly Value[], perToken: number): Value {
  return applyOne(fromExpertsOp, [shares, ...results], { perToken });
}

export const expertOps = { toExperts: toExpertsOp, fromExperts: fromExpertsOp };
