import {
  add,
  type Dimension,
  div,
  expand,
  fromExperts,
  max,
  min,
  mul,
  reduceMax,
  reduceSum,
  reshape,
  scalar,
  sigmoid,
  softmax,
  sub,
  toExperts,
  topMask,
  type Value,
} from "../../graph/index.ts";
import { activation, linear, type Scope } from "../../nn/index.ts";
import type { ExpertsConfig, LlamaConfig, RoutingConfig } from "./config.ts";
import { feedForward } from "./feed-forward.ts";

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

/** Ones for the experts `[B, T, N]` of the best groups, zeros for the others. */
function groupMask(scores: Value, { count, chosen, by }: NonNullable<RoutingConfig["groups"]>): Value {
  const [batch, length, experts] = scores.shape as [Dimension, Dimension, number];
  const grouped = reshape(scores, [batch, length, count, experts / count]);
  const best =
    by === "best" ? reduceMax(grouped, [-1], false) : reduceSum(mul(grouped, topMask(grouped, 2)), [-1], false);
  const mask = reshape(topMask(best, chosen), [batch, length, count, 1]);
  return reshape(expand(mask, [batch, length, count, experts / count]), [batch, length, experts]);
}

/** Far below any score, so that what is masked is never chosen. */
const NEVER = -1e9;

/** The experts of each token and their shares, both `[B, T, N]`: zeros for experts that are not chosen. */
function route(at: Scope, x: Value, e: ExpertsConfig): { routing: Routing; shares: Value } {
  const logits = linear(at, x, e.count, { bias: e.bias ?? false }); // [B, T, N]
  const { scores: kind, groups, scale } = e.routing ?? { scores: "softmax", groups: undefined, scale: 1 };
  const isSoftmax = kind === "softmax";
  const routerProbabilities = isSoftmax ? softmax(logits, -1) : sigmoid(logits);
  const forChoice = isSoftmax
    ? routerProbabilities
    : add(routerProbabilities, at.parameter("e_score_correction_bias", [e.count]));
  const mask = groups && groupMask(forChoice, groups);
  const known = mask ? add(forChoice, mul(sub(scalar(1), mask), scalar(NEVER))) : forChoice;
  const topKMask = topMask(known, e.perToken);
  const chosen = mul(routerProbabilities, topKMask);
  const sum = e.normalized && reduceSum(chosen, [-1], true);
  const weights = sum ? div(chosen, isSoftmax ? sum : add(sum, scalar(1e-20))) : chosen;
  return { routing: { routerProbabilities, topKMask }, shares: scale === 1 ? weights : mul(weights, scalar(scale)) };
}

/** The product of the activated gate and up. */
function gated(gate: Value, up: Value, { hiddenAct }: LlamaConfig, { clamped }: ExpertsConfig): Value {
  if (!clamped) return mul(activation(hiddenAct)(gate), up);
  const [most, least] = [scalar(clamped.limit), scalar(-clamped.limit)];
  const low = min(gate, most);
  return mul(add(max(min(up, most), least), scalar(1)), mul(low, sigmoid(mul(low, scalar(clamped.alpha)))));
}

/**
 * A mixture of experts: each token's result is that of the few experts its router prefers (Shazeer et al., 2017), and
 * perhaps of experts that all tokens share.
 */
export function mixture(at: Scope, x: Value, c: LlamaConfig, e: ExpertsConfig, routings: Routing[]): Value {
  const { routing, shares } = route(at.in(e.names.router ?? "gate"), x, e);
  routings.push(routing);
  const bias = e.bias ?? false;
  const results = toExperts(x, routing.topKMask, e.perToken).map((rows, i) => {
    const expert = at.in(`experts.${i}`);
    const gate = linear(expert.in(e.names.gate), rows, e.intermediateSize, { bias });
    const up = linear(expert.in(e.names.up), rows, e.intermediateSize, { bias });
    return linear(expert.in(e.names.down), gated(gate, up, c, e), c.hiddenSize, { bias }); // [B, T, E]
  });
  const mixed = fromExperts(shares, results, e.perToken);
  if (!e.shared) return mixed;
  const { name, intermediateSize, gate } = e.shared;
  const shared = feedForward(at.in(name), x, c, intermediateSize);
  const weighed = gate ? mul(sigmoid(linear(at.in(gate), x, 1, { bias: false })), shared) : shared;
  return add(mixed, weighed);
}
