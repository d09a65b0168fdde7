import { defineComposite } from "../op.ts";
import { apply, constant, type Dimension, shapeError, type TensorType, type Value } from "../value.ts";
import { add, exp, mul, neg, sub } from "./elementwise.ts";
import { cumulativeSum } from "./gather.ts";
import { reshape } from "./layout.ts";
import { matmul } from "./matmul.ts";
import { concat, slice, zerosLike } from "./slicing.ts";

type Operands = readonly [q: Value, k: Value, v: Value, logDecay: Value, rate: Value, first: Value];

const deltaRuleOp = defineComposite<Record<never, never>>({
  name: "deltaRule",
  infer(operands) {
    const [q, k, v, logDecay, rate, first] = operands as readonly TensorType[] as Operands;
    const [batch, heads, , size] = k.shape;
    const tokens = k.shape.slice(0, 3).join();
    const fits =
      q.shape.join() === k.shape.join() &&
      v.shape.slice(0, 3).join() === tokens &&
      logDecay.shape.join() === tokens &&
      rate.shape.join() === tokens &&
      [batch, heads, size, v.shape[3]].join() === first.shape.join();
    if (!fits) throw shapeError("deltaRule", "heads and tokens of one size", q, k, v, logDecay, rate, first);
    return [v, first];
  },
  decomposition: (operands) => inChunks(operands as unknown as Operands),
  gradient: "through decomposition",
});

/** So many tokens are computed at once, as matrix products. */
const CHUNK = 64;

/** Triangular matrices of so many rows are inverted by powers: few enough that nothing large cancels. */
const LEAF = 8;

/** A square of ones where `holds` does, and zeros elsewhere. */
export function square(size: number, holds: (row: number, column: number) => boolean): Value {
  const entries = Array.from({ length: size * size }, (_, at) => Number(holds(Math.floor(at / size), at % size)));
  return constant({ dtype: "float32", shape: [size, size], data: Float32Array.from(entries) });
}

/**
 * The inverse of I + N for strictly lower triangular N `[…, C, C]`: of the smallest as (I − N)(I + N²)(I + N⁴), since N⁸ is
 * zero; else from the inverses of its halves.
 */
export function inverse(lower: Value): Value {
  const size = lower.shape.at(-1) as number;
  if (size <= LEAF) {
    const identity = square(size, (row, column) => row === column);
    let [result, power] = [sub(identity, lower), lower];
    for (let span = 2; span < size; span *= 2) {
      power = matmul(power, power);
      result = matmul(result, add(identity, power));
    }
    return result;
  }
  const half = size / 2;
  const quarter = (row: number, column: number): Value =>
    slice(slice(lower, -2, row, row + half), -1, column, column + half);
  const [top, bottom] = [inverse(quarter(0, 0)), inverse(quarter(half, half))];
  const corner = neg(matmul(matmul(bottom, quarter(half, 0)), top));
  return concat([concat([top, zerosLike(corner)], -1), concat([corner, bottom], -1)], -2);
}

interface Chunks {
  readonly batch: Dimension;
  readonly heads: Dimension;
  readonly length: number;
  /** The tokens of a chunk, and the number of chunks. */
  readonly chunk: number;
  readonly count: number;
  /** Cuts `[B, H, T, …]` into `[B, H, N, C, …]`. */
  readonly cut: (x: Value) => Value;
}

/** The chunks of the tokens of `k` `[B, H, T, D]`; the last is filled up with zeros, which neither read nor write. */
export function chunksOf(name: string, k: Value): Chunks {
  const [batch, heads, length] = k.shape as [Dimension, Dimension, Dimension];
  if (typeof length !== "number") throw shapeError(name, "a known length where it is decomposed", k);
  const chunk = Math.min(CHUNK, 2 ** Math.ceil(Math.log2(length)));
  const count = Math.ceil(length / chunk);
  const cut = (x: Value): Value => {
    const rest = { ...x, shape: x.shape.with(2, count * chunk - length) };
    const whole = rest.shape[2] === 0 ? x : concat([x, zerosLike(rest)], 2);
    return reshape(whole, [batch, heads, count, chunk, ...x.shape.slice(3)]);
  };
  return { batch, heads, length, chunk, count, cut };
}

/**
 * The rule over chunks of tokens: within a chunk, what each token writes follows from the others by a triangular system;
 * only the state goes from chunk to chunk.
 * @see Yang et al., "Parallelizing linear transformers with the delta rule over sequence length" (2024)
 */
function inChunks([q, k, v, logDecay, rate, first]: Operands): Value[] {
  const { batch, heads, length, chunk, count, cut } = chunksOf("deltaRule", k);
  const column = (x: Value): Value => reshape(x, [...x.shape, 1]);
  const [queries, keys] = [cut(q), cut(k)]; // [B, H, N, C, D]
  const rates = column(cut(rate)); // [B, H, N, C, 1]
  const decayed = cumulativeSum(cut(logDecay), 3); // [B, H, N, C]
  const seen = square(chunk, (query, key) => key <= query);
  const spans = mul(sub(column(decayed), reshape(decayed, [batch, heads, count, 1, chunk])), seen);
  const decay = mul(exp(spans), seen); // [B, H, N, C, C]
  const written = mul(keys, rates);
  const overlaps = mul(matmul(written, keys, { transposeB: true }), decay);
  const solved = inverse(
    mul(
      overlaps,
      square(chunk, (query, key) => key < query),
    ),
  );
  const values = matmul(solved, mul(cut(v), rates)); // [B, H, N, C, V]
  const fromStart = column(exp(decayed));
  const held = matmul(solved, mul(written, fromStart)); // [B, H, N, C, D]
  const scores = mul(matmul(queries, keys, { transposeB: true }), decay); // [B, H, N, C, C]
  const reading = mul(queries, fromStart);
  const end = slice(decayed, 3, chunk - 1, chunk); // [B, H, N, 1]
  const writing = mul(keys, column(exp(sub(end, decayed))));
  const kept = column(exp(end)); // [B, H, N, 1, 1]
  let state = first;
  const mixed: Value[] = [];
  for (let i = 0; i < count; i++) {
    const own = (x: Value): Value => reshape(slice(x, 2, i, i + 1), [batch, heads, ...x.shape.slice(3)]);
    const fresh = sub(own(values), matmul(own(held), state)); // [B, H, C, V]
    mixed.push(add(matmul(own(reading), state), matmul(own(scores), fresh)));
    state = add(mul(own(kept), state), matmul(own(writing), fresh, { transposeA: true }));
  }
  return [slice(concat(mixed, 2), 2, 0, length), state];
}

/**
 * Linear attention whose state S `[D, V]` is corrected by each token: S ← aₜ S, then S ← S + βₜ kₜ (vₜ − kₜᵀ S)ᵀ; a token
 * reads qₜᵀ S. As written, keys have length 1 where the correction is to be stable.
 * @param q `[B, H, T, D]`
 * @param k `[B, H, T, D]`
 * @param v `[B, H, T, V]`
 * @param options the logarithms of the decays a `[B, H, T]`, the rates β `[B, H, T]`, and the state before the first token
 * `[B, H, D, V]`
 * @returns what tokens read `[B, H, T, V]`, and the state after the last `[B, H, D, V]`
 * @see Yang et al., "Gated delta networks" (2024)
 */
export function deltaRule(
  q: Value,
  k: Value,
  v: Value,
  { logDecay, rate, first }: { readonly logDecay: Value; readonly rate: Value; readonly first: Value },
): { mixed: Value; last: Value } {
  const [mixed, last] = apply(deltaRuleOp, [q, k, v, logDecay, rate, first], {});
  return { mixed: mixed as Value, last: last as Value };
}

export const deltaRuleOps = { deltaRule: deltaRuleOp };
