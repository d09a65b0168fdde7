import { mul, split, type Value } from "../../graph/index.ts";
import { linear, type ModelContext, type Scope, shortConvolution } from "../../nn/index.ts";

/** A convolution over the last few tokens, in the place of attention. */
export interface GatedConvolutionConfig {
  readonly kind: "gated-convolution";
  /** The number of tokens that it reads. */
  readonly kernel: number;
  readonly bias: boolean;
}

/** out(c · conv(b · x)), with b, c and x projected from the state `[B, T, E]`. */
export function gatedConvolution(at: Scope, x: Value, c: GatedConvolutionConfig, context: ModelContext): Value {
  const size = x.shape[2] as number;
  const { kernel, bias } = c;
  const projected = linear(at.in("in_proj"), context.withoutPadding(x), 3 * size, { bias });
  const [before, behind, own] = split(projected, [size, size, size], -1) as [Value, Value, Value]; // 3 × [B, T, E]
  const mixed = shortConvolution(at.in("conv"), mul(before, own), context, { kernel, bias });
  return linear(at.in("out_proj"), mul(behind, mixed), size, { bias }); // [B, T, E]
}
