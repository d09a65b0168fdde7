import { add, div, max, mul, reduceMean, scalar, split, sqrt, sub, tanh, type Value } from "../../graph/index.ts";
import { linear, rmsNorm, type Scope } from "../../nn/index.ts";
import type { DecoderModel } from "../family.ts";
import type { Gemma3nConfig, SharingLayer } from "./config.ts";
import {
  cappedOutputs,
  perLayerChange,
  perLayerInputs,
  type SharedKeys,
  scaledEmbedding,
  sharingAttention,
  sparseFeedForward,
} from "./parts.ts";

/** Streams of states, each `[B, T, E]`, of which layers compute one and correct the others by it. */
type Streams = readonly Value[];

const square = (x: Value): Value => mul(x, x);
const sum = (parts: readonly Value[]): Value => parts.reduce((all, part) => add(all, part));

/** The columns of `[B, T, N]`, each `[B, T, 1]`. */
function columns(x: Value): readonly Value[] {
  return split(
    x,
    Array.from({ length: x.shape.at(-1) as number }, () => 1),
    -1,
  );
}

/** The weights of the streams by a state `[B, T, E]`: `[B, T, N]`. */
function routed(at: Scope, x: Value, c: Gemma3nConfig): Value {
  const read = mul(rmsNorm(at.in("router_norm"), x, c.rmsNormEps), scalar(1 / c.hiddenSize));
  return tanh(linear(at.in("modality_router"), read, c.streams, { bias: false }));
}

/** Each stream with a mixture of all added, as the active one weighs them (AltUp; Baykal et al., 2023). */
function predicted(at: Scope, streams: Streams, c: Gemma3nConfig): Streams {
  const weights = routed(at, streams[c.active] as Value, c);
  const factors = columns(linear(at.in("prediction_coefs"), weights, c.streams ** 2, { bias: false }));
  return streams.map((own, i) =>
    add(sum(streams.map((stream, j) => mul(stream, factors[i * c.streams + j] as Value))), own),
  );
}

/** Each stream moved by what the layer changed in the active one. */
function corrected(at: Scope, streams: Streams, computed: Value, c: Gemma3nConfig): Streams {
  const change = sub(computed, streams[c.active] as Value);
  const factors = columns(linear(at.in("correction_coefs"), routed(at, computed, c), c.streams, { bias: false }));
  return streams.map((own, i) => add(mul(change, add(factors[i] as Value, scalar(1))), own));
}

/** A linear image of x, as large as a state with this root mean square: `[B, T, E]`. */
function imageOf(at: Scope, x: Value, size: Value, c: Gemma3nConfig): Value {
  const image = linear(at, x, c.hiddenSize, { bias: false });
  const own = sqrt(max(reduceMean(square(image), [-1], true), scalar(1e-5)));
  return div(mul(image, size), own);
}

const sizeOf = (x: Value): Value => sqrt(reduceMean(square(x), [-1], true));

/** x and its image under a low-rank matrix (LAuReL; Menghani et al., 2024). */
function laurel(at: Scope, x: Value, c: Gemma3nConfig): Value {
  const low = linear(at.in("linear_left"), x, c.laurelRank, { bias: false });
  const image = linear(at.in("linear_right"), low, c.hiddenSize, { bias: false });
  return add(x, rmsNorm(at.in("post_laurel_norm"), image, c.rmsNormEps));
}

function block(
  at: Scope,
  streams: Streams,
  c: Gemma3nConfig,
  layer: { readonly index: number; readonly own: Value | undefined; readonly attend: (x: Value) => Value },
): Streams {
  const norm = (name: string, x: Value): Value => rmsNorm(at.in(name), x, c.rmsNormEps);
  const predictions = predicted(at.in("altup"), streams, c);
  const active = predictions[c.active] as Value;
  const read = norm("input_layernorm", active);
  const attended = add(active, norm("post_attention_layernorm", layer.attend(read)));
  const joined = mul(add(attended, laurel(at.in("laurel"), read, c)), scalar(Math.SQRT1_2));
  const settings = c.layers[layer.index] as SharingLayer;
  const forward = sparseFeedForward(at.in("mlp"), norm("pre_feedforward_layernorm", joined), c, settings);
  const computed = add(joined, norm("post_feedforward_layernorm", forward));
  const [first, ...others] = corrected(at.in("altup"), predictions, computed, c) as [Value, ...Value[]];
  if (!layer.own) return [first, ...others];
  const own = [first, ...others][c.active] as Value;
  const scaled = c.scalesActive ? mul(own, at.in("altup").parameter("correct_output_scale", [c.hiddenSize])) : own;
  const change = perLayerChange(at, scaled, layer.own, c);
  return [first, ...others.map((stream) => add(stream, change))];
}

/** Gemma 3n is Gemma 3 with several streams of states, embeddings for each layer, and last layers that share keys and values (Google, 2025). */
export const gemma3n: DecoderModel<Gemma3nConfig> = (root, c, context) => {
  const at = root.in("model");
  const tokens = scaledEmbedding(at, c, context); // [B, T, E]
  const own = perLayerInputs(at, tokens, c, context);
  const shared: SharedKeys = new Map();
  const others = Array.from({ length: c.streams - 1 }, (_, i) => i);
  const size = sizeOf(tokens);
  let streams: Streams = [tokens, ...others.map((i) => imageOf(at.in(`altup_projections.${i}`), tokens, size, c))];
  context.throughLayers(tokens, (_, index) => {
    const layer = at.in(`layers.${index}`);
    const attend = (x: Value): Value => sharingAttention(layer.in("self_attn"), x, c, { index, shared, context });
    streams = block(layer, streams, c, { index, own: own[index], attend });
    return streams[0] as Value;
  });
  const [first, ...rest] = streams as [Value, ...Value[]];
  const last = sizeOf(first);
  const images = rest.map((x, i) => imageOf(at.in(`altup_unembed_projections.${i}`), x, last, c));
  const mean = mul(sum([first, ...images]), scalar(1 / c.streams));
  return cappedOutputs(root, c, context, rmsNorm(at.in("norm"), mean, c.rmsNormEps));
};
