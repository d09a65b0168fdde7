import {
  add,
  type Dimension,
  div,
  mul,
  reduceSum,
  reshape,
  scalar,
  softmax,
  split,
  topMask,
  type Value,
} from "../../graph/index.ts";
import { activation, linear, type Scope } from "../../nn/index.ts";
import type { ExpertsConfig, LlamaConfig } from "./config.ts";

/** The routing of tokens to experts in a layer: both `[B, T, N]`. */
export interface Routing {
  readonly routerProbabilities: Value;
  readonly topKMask: Value;
}

/**
 * The imbalance of the experts' use: N Σₑ fₑ Pₑ, of the fraction of tokens that choose an expert and its mean
 * probability, over all layers and tokens but padding (Fedus et al., "Switch Transformers", 2021, equations 4 to 6).
 */
export function loadBalancingLoss(routings: readonly Routing[], mask: Value, experts: number): Value {
  const [batch, length] = mask.shape as [Dimension, Dimension];
  const tokens = mul(reduceSum(mask, [0, 1]), scalar(routings.length));
  const each = reshape(mask, [batch, length, 1]);
  const mean = (of: readonly Value[]): Value =>
    div(
      of.map((x) => reduceSum(mul(x, each), [0, 1])).reduce((sum, x) => add(sum, x)),
      tokens,
    ); // [N]
  const fraction = mean(routings.map(({ topKMask }) => topKMask));
  const meanProbability = mean(routings.map(({ routerProbabilities }) => routerProbabilities));
  return mul(reduceSum(mul(fraction, meanProbability), [0]), scalar(experts));
}

/** A mixture of experts: each token's result is that of the few experts its router prefers (Shazeer et al., 2017). */
export function mixture(at: Scope, x: Value, c: LlamaConfig, e: ExpertsConfig, routings: Routing[]): Value {
  const routerProbabilities = softmax(linear(at.in("gate"), x, e.count, { bias: false }), -1); // [B, T, N]
  const topKMask = topMask(routerProbabilities, e.perToken);
  routings.push({ routerProbabilities, topKMask });
  const chosen = mul(routerProbabilities, topKMask);
  const weights = e.normalized ? div(chosen, reduceSum(chosen, [-1], true)) : chosen;
  const each = Array.from({ length: e.count }, () => 1);
  const parts = split(weights, each, -1).map((weight, i) => {
    const expert = at.in(`experts.${i}`);
    const gate = activation(c.hiddenAct)(linear(expert.in(e.names.gate), x, e.intermediateSize, { bias: false }));
    const up = linear(expert.in(e.names.up), x, e.intermediateSize, { bias: false });
    return mul(weight, linear(expert.in(e.names.down), mul(gate, up), c.hiddenSize, { bias: false })); // [B, T, E]
  });
  return parts.reduce((sum, part) => add(sum, part));
}
