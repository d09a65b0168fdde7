import { defineComposite } from "../op.ts";
import { apply, type Dimension, shapeError, type TensorType, type Value } from "../value.ts";
import { chunksOf, inverse, square } from "./delta-rule.ts";
import { add, exp, mul, neg, sub } from "./elementwise.ts";
import { cumulativeSum } from "./gather.ts";
import { reshape } from "./layout.ts";
import { matmul } from "./matmul.ts";
import { concat, slice } from "./slicing.ts";

type Operands = readonly [q: Value, k: Value, v: Value, a: Value, b: Value, logDecay: Value, first: Value];

const generalDeltaRuleOp = defineComposite<Record<never, never>>({
  name: "generalDeltaRule",
  infer(operands) {
    const [q, k, v, a, b, logDecay, first] = operands as readonly TensorType[] as Operands;
    const [batch, heads, , size] = k.shape;
    const fits =
      [q, a, b, logDecay].every(({ shape }) => shape.join() === k.shape.join()) &&
      v.shape.slice(0, 3).join() === k.shape.slice(0, 3).join() &&
      [batch, heads, size, v.shape[3]].join() === first.shape.join();
    if (!fits) throw shapeError("generalDeltaRule", "heads and tokens of one size", q, k, v, a, b, logDecay, first);
    return [v, first];
  },
  decomposition: (operands) => inChunks(operands as unknown as Operands),
  gradient: "through decomposition",
});

/**
 * The rule over chunks of tokens: within a chunk, what each token reads with a follows from the others by a triangular
 * system; only the state goes from chunk to chunk. A decay between two tokens is a quotient of two by the chunk's middle,
 * neither of which is too large for float32.
 * @see Yang et al., "Parallelizing linear transformers with the delta rule over sequence length" (2024)
 */
function inChunks([q, k, v, a, b, logDecay, first]: Operands): Value[] {
  const { batch, heads, length, chunk, count, cut } = chunksOf("generalDeltaRule", k);
  const [steps, values] = [cut(logDecay), cut(v)]; // [B, H, N, C, D] and [B, H, N, C, V]
  const decayed = cumulativeSum(steps, 3);
  const at = (token: number): Value => slice(decayed, 3, token, token + 1); // [B, H, N, 1, D]
  const [middle, end] = [at(Math.floor((chunk - 1) / 2)), at(chunk - 1)];
  const [sinceMiddle, before] = [sub(decayed, middle), sub(decayed, steps)];
  const [ahead, behind, aheadBefore] = [exp(sinceMiddle), exp(neg(sinceMiddle)), exp(sub(before, middle))];
  const [queries, readers, writers, keys] = [cut(q), cut(a), cut(b), cut(k)];
  const past = square(chunk, (row, column) => column < row);
  const seen = square(chunk, (row, column) => column <= row);
  const scores = (rows: Value, columns: Value, mask: Value): Value =>
    mul(matmul(rows, mul(columns, behind), { transposeB: true }), mask); // [B, H, N, C, C]
  const [late, early] = [mul(queries, ahead), mul(readers, aheadBefore)];
  const solved = inverse(neg(scores(early, writers, past)));
  const parts = {
    fromValues: matmul(solved, matmul(scores(early, keys, past), values)), // [B, H, N, C, V]
    fromState: matmul(solved, mul(readers, exp(before))), // [B, H, N, C, D]
    ofValues: matmul(scores(late, keys, seen), values), // [B, H, N, C, V]
    ofRead: scores(late, writers, seen),
    ofState: mul(queries, exp(decayed)),
    written: mul(writers, exp(sub(end, decayed))),
    added: matmul(mul(keys, exp(sub(end, decayed))), values, { transposeA: true }), // [B, H, N, D, V]
    kept: reshape(exp(end), [batch, heads, count, k.shape[3] as Dimension, 1]),
  };
  let state = first;
  const mixed: Value[] = [];
  for (let i = 0; i < count; i++) {
    const own = (x: Value): Value => reshape(slice(x, 2, i, i + 1), [batch, heads, ...x.shape.slice(3)]);
    const read = add(own(parts.fromValues), matmul(own(parts.fromState), state)); // [B, H, C, V]
    mixed.push(add(add(own(parts.ofValues), matmul(own(parts.ofState), state)), matmul(own(parts.ofRead), read)));
    const fresh = add(own(parts.added), matmul(own(parts.written), read, { transposeA: true }));
    state = add(mul(own(parts.kept), state), fresh);
  }
  return [slice(concat(mixed, 2), 2, 0, length), state];
}

/**
 * Linear attention whose state S `[D, V]` each token decays by channel and corrects by one pair of vectors:
 * S ← diag(wₜ) S + bₜ (aₜᵀ S)ᵀ + kₜ vₜᵀ, where aₜ reads the state as it was; a token reads qₜᵀ S. `deltaRule` is the case of one
 * decay for all channels, a = −w k and b = β k.
 * @param q `[B, H, T, D]`
 * @param k `[B, H, T, D]`
 * @param v `[B, H, T, V]`
 * @param options the vectors a and b `[B, H, T, D]`, the logarithms of the decays w `[B, H, T, D]`, in training from −1 to 0, and
 * the state before the first token `[B, H, D, V]`
 * @returns what tokens read `[B, H, T, V]`, and the state after the last `[B, H, D, V]`
 * @see Peng et al., "RWKV-7 Goose with expressive dynamic state evolution" (2025)
 */
export function generalDeltaRule(
  q: Value,
  k: Value,
  v: Value,
  options: { readonly a: Value; readonly b: Value; readonly logDecay: Value; readonly first: Value },
): { mixed: Value; last: Value } {
  const { a, b, logDecay, first } = options;
  const [mixed, last] = apply(generalDeltaRuleOp, [q, k, v, a, b, logDecay, first], {});
  return { mixed: mixed as Value, last: last as Value };
}

export const generalDeltaRuleOps = { generalDeltaRule: generalDeltaRuleOp };
