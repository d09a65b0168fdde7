import { add, concat, type Dimension, matmul, mul, reshape, slice, type Value } from "../../graph/index.ts";
import { activation, layerNorm, type ModelContext, neighbour, type Scope, tokenMask } from "../../nn/index.ts";
import type { ConvolutionConfig, DebertaConfig } from "./config.ts";

/**
 * A convolution over neighbouring tokens, `[B, T, E]` → `[B, T, E]`, with torch's weight `[E, E / G, K]`: each token
 * reads K states around it, nothing beyond its text's ends.
 */
function convolve(at: Scope, x: Value, { kernelSize, groups }: ConvolutionConfig, context: ModelContext): Value {
  const size = x.shape[2] as number;
  const inner = size / groups;
  const weight = at.parameter("weight", [size, inner, kernelSize]);
  const reach = (kernelSize - 1) / 2;
  const taps = Array.from({ length: kernelSize }, (_, k) => {
    const near = neighbour(context, x, k - reach); // [B, T, E]
    const mixed = Array.from({ length: groups }, (_, g) => {
      const own = slice(slice(weight, 0, g * inner, (g + 1) * inner), 2, k, k + 1); // [O, I, 1]
      const part = groups === 1 ? near : slice(near, 2, g * inner, (g + 1) * inner);
      return matmul(part, reshape(own, [inner, inner]), { transposeB: true }); // [B, T, O]
    });
    return concat(mixed, 2);
  });
  const sum = taps.reduce((sum, tap) => add(sum, tap));
  return add(sum, at.parameter("bias", [size]));
}

/** The layer beside the first: norm(x + act(convolution of the embeddings)), padding set to zero (He et al., 2020). */
export function convolutionLayer(
  at: Scope,
  embedded: Value,
  x: Value,
  c: DebertaConfig & { readonly convolution: ConvolutionConfig },
  context: ModelContext,
): Value {
  const [batch, length] = x.shape as [Dimension, Dimension, number];
  const real = reshape(tokenMask(context), [batch, length, 1]);
  const read = mul(convolve(at.in("conv"), embedded, c.convolution, context), real);
  const added = activation(c.convolution.activation)(context.dropout(read, c.hiddenDropout));
  return mul(layerNorm(at.in("LayerNorm"), add(x, added), c.layerNormEps), real);
}
