import {
  add,
  div,
  fromExperts,
  mul,
  reduceSum,
  scalar,
  softmax,
  toExperts,
  topMask,
  type Value,
} from "../../graph/index.ts";
import { activation, linear, rmsNorm, rmsNormalized, type Scope } from "../../nn/index.ts";
import type { CheckpointNames, DecoderModel } from "../family.ts";
import type { SharingLayer } from "../gemma3n/config.ts";
import {
  cappedOutputs,
  perLayerChange,
  perLayerInputs,
  type SharedKeys,
  scaledEmbedding,
  sharingAttention,
  sparseFeedForward,
} from "../gemma3n/parts.ts";
import type { Gemma4Config } from "./config.ts";

/** Scales of layers are stored, and not trained. */
export const gemma4Checkpoint: CheckpointNames = {
  prefix: "model.",
  ignored: /rotary_emb\.inv_freq$|\.self_attn\.[kv]_(proj|norm)\./,
  buffers: /\.layer_scalar$/,
};

/** The experts of each token and their shares, both `[B, T, N]`. */
function route(at: Scope, x: Value, c: Gemma4Config, count: number, perToken: number): { mask: Value; shares: Value } {
  const read = mul(rmsNormalized(x, c.rmsNormEps), at.parameter("scale", [c.hiddenSize]));
  const scores = linear(at.in("proj"), mul(read, scalar(c.hiddenSize ** -0.5)), count, { bias: false });
  const probabilities = softmax(scores, -1);
  const mask = topMask(probabilities, perToken);
  const chosen = mul(probabilities, mask);
  const shares = div(chosen, reduceSum(chosen, [-1], true));
  return { mask, shares: mul(shares, at.parameter("per_expert_scale", [count])) };
}

/** The sum of the results of each token's experts: `[B, T, E]`. */
function mixture(at: Scope, x: Value, c: Gemma4Config, experts: NonNullable<Gemma4Config["experts"]>): Value {
  const { count, perToken, intermediateSize: size } = experts;
  const { mask, shares } = route(at.in("router"), x, c, count, perToken);
  const read = rmsNorm(at.in("pre_feedforward_layernorm_2"), x, c.rmsNormEps);
  const results = toExperts(read, mask, perToken).map((rows, i) => {
    const expert = at.in(`experts.${i}`);
    const gate = activation(c.hiddenAct)(linear(expert.in("gate_proj"), rows, size, { bias: false }));
    const up = linear(expert.in("up_proj"), rows, size, { bias: false });
    return linear(expert.in("down_proj"), mul(gate, up), c.hiddenSize, { bias: false });
  });
  return fromExperts(shares, results, perToken);
}

function block(
  at: Scope,
  x: Value,
  c: Gemma4Config,
  layer: { readonly index: number; readonly own: Value | undefined; readonly attend: (x: Value) => Value },
): Value {
  const norm = (name: string, x: Value): Value => rmsNorm(at.in(name), x, c.rmsNormEps);
  const attended = add(x, norm("post_attention_layernorm", layer.attend(norm("input_layernorm", x))));
  const settings = c.layers[layer.index] as SharingLayer;
  const forward = sparseFeedForward(at.in("mlp"), norm("pre_feedforward_layernorm", attended), c, settings);
  const mixed =
    c.experts &&
    add(
      norm("post_feedforward_layernorm_1", forward),
      norm("post_feedforward_layernorm_2", mixture(at, attended, c, c.experts)),
    );
  const computed = add(attended, norm("post_feedforward_layernorm", mixed ?? forward));
  const changed = layer.own ? add(computed, perLayerChange(at, computed, layer.own, c)) : computed;
  return mul(changed, at.parameter("layer_scalar", [1]));
}

/** Gemma 4 is Gemma 3n without its streams: a scale for each layer in their place, other heads in layers that see all tokens. */
export const gemma4: DecoderModel<Gemma4Config> = (root, c, context) => {
  const at = root.in("model");
  const tokens = scaledEmbedding(at, c, context); // [B, T, E]
  const own = perLayerInputs(at, tokens, c, context);
  const shared: SharedKeys = new Map();
  const x = context.throughLayers(tokens, (x, index) => {
    const layer = at.in(`layers.${index}`);
    const attend = (x: Value): Value => sharingAttention(layer.in("self_attn"), x, c, { index, shared, context });
    return block(layer, x, c, { index, own: own[index], attend });
  });
  return cappedOutputs(root, c, context, rmsNorm(at.in("norm"), x, c.rmsNormEps));
};
