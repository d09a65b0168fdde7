import { add, concat, type Dimension, mul, reshape, slice, split, transpose, type Value } from "../graph/index.ts";
import type { ModelContext } from "./context.ts";
import type { Scope } from "./scope.ts";

/**
 * A causal convolution of each channel by itself, over a token and the few before it: `[B, T, D]` → `[B, T, D]`. What it
 * reads of the tokens before is kept.
 * @param kernel the number of tokens that it reads
 */
export function shortConvolution(
  at: Scope,
  x: Value,
  context: ModelContext,
  { kernel, bias }: { readonly kernel: number; readonly bias: boolean },
): Value {
  const [, length, size] = x.shape as [Dimension, Dimension, number];
  const taps = transpose(reshape(at.parameter("weight", [size, 1, kernel]), [size, kernel]), [1, 0]); // [K, D]
  const convolve = (all: Value): Value => {
    const parts = Array.from({ length: kernel }, (_, k) => {
      const sizes: Dimension[] = [k, length, kernel - 1 - k];
      const from = split(all, sizes, 1)[1] as Value; // [B, T, D]
      return mul(from, slice(taps, 0, k, k + 1));
    });
    const sum = parts.reduce((sum, part) => add(sum, part));
    return bias ? add(sum, at.parameter("bias", [size])) : sum;
  };
  if (kernel === 1) return convolve(x);
  return context.keep([kernel - 1, size], (before) => {
    const all = concat([before, x], 1); // [B, K − 1 + T, D]
    return [convolve(all), slice(all, 1, 1 - kernel, Number.MAX_SAFE_INTEGER)];
  });
}
