import {
  add,
  concat,
  type Dimension,
  decayedMax,
  decayedSum,
  detach,
  div,
  exp,
  max,
  mul,
  neg,
  relu,
  reshape,
  scalar,
  sigmoid,
  slice,
  split,
  sub,
  type Value,
} from "../../graph/index.ts";
import { embedding, layerNorm, linear, type ModelContext, type Scope } from "../../nn/index.ts";
import { decoderOutputs } from "../decoder-head.ts";
import type { DecoderModel } from "../family.ts";
import type { RwkvConfig } from "./config.ts";

/** Before the first token nothing was the largest. */
const NOTHING = -1e30;

/** The epsilon of the last norm, whatever the config says. */
const LAST_EPSILON = 1e-5;

/** All steps `[B, T, C]` but the last, behind what was before them `[B, C]`. */
function before(x: Value, first: Value): Value {
  const [batch, length, size] = x.shape as [Dimension, Dimension, number];
  return split(concat([reshape(first, [batch, 1, size]), x], 1), [length, 1], 1)[0] as Value;
}

/** The last step of `[B, T, C]`, as `[B, C]`. */
function lastOf(x: Value): Value {
  const [batch, , size] = x.shape as [Dimension, Dimension, number];
  return reshape(slice(x, 1, -1, Number.MAX_SAFE_INTEGER), [batch, size]);
}

/** The token before each, which the first layer of a text has not. */
export function shifted(x: Value, context: ModelContext): Value {
  return context.keep([x.shape[2] as number], (first) => [before(x, first), lastOf(x)]);
}

/** A token and the one before it, in learned shares of each channel. */
function mixed(at: Scope, name: string, x: Value, earlier: Value): Value {
  const share = at.parameter(`time_mix_${name}`, [1, 1, x.shape[2] as number]);
  return add(mul(x, share), mul(earlier, sub(scalar(1), share)));
}

/**
 * The mean of values, weighted by exp(key) and by how long ago they were; the token's own weight has a bonus. Weights are
 * scaled by the largest so far, so that none is too large for float32.
 */
function weightedMean(at: Scope, key: Value, value: Value, c: RwkvConfig, context: ModelContext): Value {
  const size = c.innerSize;
  const logDecay = reshape(neg(exp(at.parameter("time_decay", [size]))), [1, 1, size]);
  const own = add(key, at.parameter("time_first", [size])); // [B, T, A]
  const scales = (first: Value): readonly [Value, Value] => {
    const { all, last } = decayedMax(key, logDecay, first);
    return [concat([before(all, first), all], -1), last];
  };
  const [earlier, scale] = split(context.keep([size], scales, NOTHING), [size, size], -1) as [Value, Value];
  const decay = exp(sub(add(earlier, logDecay), scale)); // [B, T, A]
  const weight = exp(sub(key, scale));
  const sums = context.keep([2 * size], (first) => {
    const { all, last } = decayedSum(concat([mul(weight, value), weight], -1), concat([decay, decay], -1), first);
    return [before(all, first), last];
  });
  const [weighted, weights] = split(sums, [size, size], -1) as [Value, Value];
  const largest = detach(max(earlier, own));
  const [past, present] = [exp(sub(earlier, largest)), exp(sub(own, largest))];
  return div(add(mul(past, weighted), mul(present, value)), add(mul(past, weights), present));
}

function timeMixing(at: Scope, x: Value, c: RwkvConfig, context: ModelContext): Value {
  const earlier = shifted(x, context);
  const project = (name: string): Value =>
    linear(at.in(name), mixed(at, name, x, earlier), c.innerSize, { bias: false }); // [B, T, A]
  const [key, value, receptance] = ["key", "value", "receptance"].map(project) as [Value, Value, Value];
  const read = mul(sigmoid(receptance), weightedMean(at, key, value, c, context));
  return linear(at.in("output"), read, c.hiddenSize, { bias: false }); // [B, T, E]
}

function channelMixing(at: Scope, x: Value, c: RwkvConfig, context: ModelContext): Value {
  const earlier = shifted(x, context);
  const project = (name: string, size: number): Value =>
    linear(at.in(name), mixed(at, name, x, earlier), size, { bias: false });
  const wide = relu(project("key", c.intermediateSize)); // [B, T, F]
  const value = linear(at.in("value"), mul(wide, wide), c.hiddenSize, { bias: false }); // [B, T, E]
  return mul(sigmoid(project("receptance", c.hiddenSize)), value);
}

/** RWKV 4, a decoder that mixes each token with the one before it, and with a decaying mean of all (Peng et al., 2023). */
export const rwkv: DecoderModel<RwkvConfig> = (root, c, context) => {
  const at = root.in("rwkv");
  /** States are not halved here: an epsilon four times as large is the same. */
  const epsilonAt = (layer: number, epsilon: number): number =>
    c.rescaleEvery > 0 ? epsilon * 4 ** Math.floor(layer / c.rescaleEvery) : epsilon;
  const tokens = embedding(at.in("embeddings"), context.inputIds, c.vocabSize, c.hiddenSize); // [B, T, E]
  const x = context.throughLayers(tokens, (x, i) => {
    const block = at.in(`blocks.${i}`);
    const norm = (name: string, x: Value): Value => layerNorm(block.in(name), x, epsilonAt(i, c.normEps));
    const start = i === 0 ? norm("pre_ln", x) : x;
    const sum = add(start, timeMixing(block.in("attention"), norm("ln1", start), c, context));
    return add(sum, channelMixing(block.in("feed_forward"), norm("ln2", sum), c, context));
  });
  const head = c.tieWordEmbeddings ? at.in("embeddings") : root.in("head");
  const lmHead = (x: Value): Value => linear(head, x, c.vocabSize, { bias: false });
  const hidden = layerNorm(at.in("ln_out"), x, epsilonAt(c.numHiddenLayers, LAST_EPSILON));
  return decoderOutputs(root, c, context, hidden, { lmHead, classifier: "score" });
};
