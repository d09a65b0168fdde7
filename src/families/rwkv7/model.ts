import {
  add,
  div,
  generalDeltaRule,
  mul,
  neg,
  reduceSum,
  reshape,
  scalar,
  sigmoid,
  split,
  sqrt,
  sub,
  tanh,
  type Value,
} from "../../graph/index.ts";
import {
  activation,
  embedding,
  joinHeads,
  layerNorm,
  linear,
  type ModelContext,
  normalized,
  type Scope,
  splitHeads,
} from "../../nn/index.ts";
import { decoderOutputs } from "../decoder-head.ts";
import type { DecoderModel } from "../family.ts";
import { shifted } from "../rwkv/model.ts";
import type { Rwkv7Config } from "./config.ts";

/** The logarithm of the fastest decay of a token. */
const FASTEST = -Math.exp(-0.5);

const MIXED = ["r", "w", "k", "v", "a", "g"] as const;

/** The projections of a token: receptance, decay, key, value, rate and gate, each `[B, T, E]`. */
type Mixed = Readonly<Record<(typeof MIXED)[number], Value>>;

/** From `from` to `to`, by a share of each channel. */
const between = (from: Value, to: Value, share: Value): Value => add(from, mul(sub(to, from), share));

/** A token and the one before it, in six learned shares of each channel. */
function mixtures(at: Scope, x: Value, c: Rwkv7Config, context: ModelContext): Mixed {
  const earlier = shifted(x, context);
  const size = c.hiddenSize;
  const ones = MIXED.map(() => 1);
  const joined = c.hasJoinedShares ? split(at.parameter("x_x", [MIXED.length, size]), ones, 0) : [];
  const shareOf = (name: string, i: number): Value => joined[i] ?? at.parameter(`x_${name}`, [1, 1, size]);
  const mixed = MIXED.map((name, i) => [name, between(x, earlier, shareOf(name, i))] as const);
  return Object.fromEntries(mixed) as Mixed;
}

/** Two matrices of low rank, with an activation between them: `[B, T, E]` → `[B, T, E]`. */
function lowRank(
  at: Scope,
  x: Value,
  rank: number,
  options: { act?: (x: Value) => Value; bias?: boolean } = {},
): Value {
  const { act = (x) => x, bias = true } = options;
  const inner = act(linear(at.in("lora.0"), x, rank, { bias: false })); // [B, T, R]
  return linear(at.in("lora.2"), inner, x.shape[2] as number, { bias });
}

/** Heads `[B, H, T, D]` normalised by themselves, with a weight and a bias for each channel: `[B, T, E]`. */
function groupNorm(at: Scope, x: Value, c: Rwkv7Config): Value {
  const even = joinHeads(normalized(x, c.headWidth * c.normEps));
  return add(mul(even, at.parameter("weight", [c.hiddenSize])), at.parameter("bias", [c.hiddenSize]));
}

/** The values of the first layer, a share of which every other one takes. */
interface FirstValues {
  values?: Value;
}

function timeMixing(at: Scope, x: Value, c: Rwkv7Config, context: ModelContext, first: FirstValues): Value {
  const { heads, headWidth, hiddenSize, ranks } = c;
  const mixed = mixtures(at, x, c, context);
  const project = (name: "r" | "k" | "v"): Value =>
    linear(at.in(`${name}_proj`), mixed[name], hiddenSize, { bias: false });
  const [receptance, key, own] = [project("r"), project("k"), project("v")];
  const value = first.values
    ? between(own, first.values, sigmoid(lowRank(at.in("v_lora"), mixed.v, ranks.value)))
    : own;
  first.values ??= own;
  const decay = lowRank(at.in("w_lora"), mixed.w, ranks.decay, { act: tanh });
  const rate = sigmoid(lowRank(at.in("a_lora"), mixed.a, ranks.rate));
  const gate = lowRank(at.in("g_lora"), mixed.g, ranks.gate, { act: sigmoid, bias: false });

  const inHeads = (x: Value): Value => splitHeads(x, heads); // [B, H, T, D]
  const direction = inHeads(mul(key, at.parameter("k_k", [hiddenSize])));
  const length = sqrt(add(reduceSum(mul(direction, direction), [-1], true), scalar(c.lengthEps)));
  const removed = div(direction, length);
  const added = mul(key, between(scalar(1), rate, at.parameter("k_a", [hiddenSize])));
  const [q, k, v] = [inHeads(receptance), inHeads(added), inHeads(value)];
  const rule = {
    a: neg(removed),
    b: mul(removed, inHeads(rate)),
    logDecay: mul(inHeads(sigmoid(decay)), scalar(FASTEST)),
  };
  const read = context.keep([heads, headWidth, headWidth], (first) => {
    const { mixed, last } = generalDeltaRule(q, k, v, { ...rule, first });
    return [mixed, last];
  });
  const bonus = reduceSum(
    mul(mul(q, k), reshape(at.parameter("r_k", [heads, headWidth]), [1, heads, 1, headWidth])),
    [-1],
    true,
  );
  const sum = add(groupNorm(at.in("g_norm"), read, c), joinHeads(mul(bonus, v)));
  return linear(at.in("o_proj"), mul(sum, gate), hiddenSize, { bias: false }); // [B, T, E]
}

function channelMixing(at: Scope, x: Value, c: Rwkv7Config, context: ModelContext): Value {
  const mixed = between(x, shifted(x, context), at.parameter("x_k", [c.hiddenSize]));
  const wide = activation(c.hiddenAct)(linear(at.in("key"), mixed, c.intermediateSize, { bias: false })); // [B, T, F]
  return linear(at.in("value"), wide, c.hiddenSize, { bias: false });
}

/**
 * RWKV 7 is RWKV 4 with a matrix for a state in place of the decaying mean, as gated DeltaNet has it, but with a decay and a
 * rate of correction for each channel, and the first layer's values in all (Peng et al., 2025).
 */
export const rwkv7: DecoderModel<Rwkv7Config> = (root, c, context) => {
  const at = root.in("model");
  const norm = (at: Scope, x: Value): Value => layerNorm(at, x, c.normEps, { bias: c.normBias });
  const first: FirstValues = {};
  const tokens = embedding(at.in("embeddings"), context.inputIds, c.vocabSize, c.hiddenSize); // [B, T, E]
  const x = context.throughLayers(tokens, (x, i) => {
    const layer = at.in(`layers.${i}`);
    const start = i === 0 && c.normsWords ? norm(layer.in("pre_norm"), x) : x;
    const before = context.withoutPadding(norm(layer.in("attn_norm"), start));
    const sum = add(start, timeMixing(layer.in("attn"), before, c, context, first));
    const between = context.withoutPadding(norm(layer.in("ffn_norm"), sum));
    return add(sum, channelMixing(layer.in("ffn"), between, c, context));
  });
  const head = c.tieWordEmbeddings ? at.in("embeddings") : root.in("lm_head");
  const lmHead = (x: Value): Value => linear(head, x, c.vocabSize, { bias: false });
  return decoderOutputs(root, c, context, norm(at.in("norm"), x), { lmHead, classifier: "score" });
};
