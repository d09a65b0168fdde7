import {
  add,
  type Dimension,
  decayedSum,
  exp,
  matmul,
  mul,
  neg,
  reshape,
  silu,
  softplus,
  split,
  type Value,
} from "../../graph/index.ts";
import {
  activation,
  embedding,
  linear,
  type ModelContext,
  rmsNorm,
  type Scope,
  shortConvolution,
} from "../../nn/index.ts";
import { decoderOutputs } from "../decoder-head.ts";
import type { DecoderModel } from "../family.ts";
import type { MambaConfig, StateSpaceConfig } from "./config.ts";

/** A layer's part between its norm and the sum with what it reads: `[B, T, E]` → `[B, T, E]`. */
export type Mixer<C> = (at: Scope, x: Value, c: C, context: ModelContext) => Value;

/** The inner states `[B, T, D]` after a convolution and an activation, 0 at padding. */
export function convolved(at: Scope, x: Value, c: StateSpaceConfig, context: ModelContext): Value {
  const settings = { kernel: c.kernel, bias: c.convolutionBias };
  return context.withoutPadding(activation(c.hiddenAct)(shortConvolution(at.in("conv1d"), x, context, settings)));
}

/**
 * The selective state space: h ← exp(Δ A) h + Δ x Bᵀ and y = h C + D x for each inner channel, where step sizes Δ and the
 * vectors B and C follow from the token.
 */
const selectiveScan: Mixer<MambaConfig> = (at, x, c, context) => {
  const [batch, length] = x.shape as [Dimension, Dimension, number];
  const { innerSize: inner, stateSize, stepRank, bias } = c;
  const projected = linear(at.in("in_proj"), context.withoutPadding(x), 2 * inner, { bias });
  const [entering, gate] = split(projected, [inner, inner], -1) as [Value, Value]; // 2 × [B, T, D]
  const u = convolved(at, entering, c, context); // [B, T, D]
  const selected = linear(at.in("x_proj"), u, stepRank + 2 * stateSize, { bias: false });
  const [narrow, write, read] = split(selected, [stepRank, stateSize, stateSize], -1) as [Value, Value, Value];
  const step = softplus(linear(at.in("dt_proj"), narrow, inner)); // [B, T, D]
  const rates = neg(exp(at.parameter("A_log", [inner, stateSize]))); // [D, N]
  const column = (x: Value): Value => reshape(x, [...x.shape, 1]);
  const decay = exp(mul(column(step), rates)); // [B, T, D, N]
  const added = mul(column(mul(step, u)), reshape(write, [batch, length, 1, stateSize])); // [B, T, D, N]
  const flat = (x: Value): Value => reshape(x, [batch, length, inner * stateSize]);
  const states = context.keep([inner * stateSize], (before) => {
    const { all, last } = decayedSum(flat(added), flat(decay), before);
    return [all, last];
  });
  const wide = reshape(states, [batch, length, inner, stateSize]);
  const y = reshape(matmul(wide, column(read)), [batch, length, inner]); // [B, T, D]
  const mixed = mul(add(y, mul(u, at.parameter("D", [inner]))), silu(gate));
  return linear(at.in("out_proj"), mixed, c.hiddenSize, { bias }); // [B, T, E]
};

/** A stack of mixers, each behind a norm and added to what it read. */
export function stateSpaceModel<C extends StateSpaceConfig>(mixer: Mixer<C>): DecoderModel<C> {
  return (root, c, context) => {
    const at = root.in("backbone");
    const tokens = embedding(at.in("embeddings"), context.inputIds, c.vocabSize, c.hiddenSize); // [B, T, E]
    const x = context.throughLayers(tokens, (x, i) => {
      const layer = at.in(`layers.${i}`);
      return add(x, mixer(layer.in("mixer"), rmsNorm(layer.in("norm"), x, c.normEps), c, context));
    });
    const head = c.tieWordEmbeddings ? at.in("embeddings") : root.in("lm_head");
    const lmHead = (x: Value): Value => linear(head, x, c.vocabSize, { bias: false });
    return decoderOutputs(root, c, context, rmsNorm(at.in("norm_f"), x, c.normEps), { lmHead, classifier: "score" });
  };
}

/** Mamba, a decoder whose layers keep a state that each token decides how to change, in place of attention (Gu and Dao, 2023). */
export const mamba: DecoderModel<MambaConfig> = stateSpaceModel(selectiveScan);
