import {
  add,
  concat,
  constant,
  type Dimension,
  expand,
  less,
  mul,
  reduceMean,
  relu,
  scalar,
  softcap,
  split,
  sqrt,
  sub,
  type Value,
  where,
  zerosLike,
} from "../../graph/index.ts";
import {
  activation,
  embedding,
  joinHeads,
  linear,
  type ModelContext,
  type ModelOutputs,
  rmsNorm,
  rmsNormalized,
  type Scope,
  splitHeads,
} from "../../nn/index.ts";
import { decoderOutputs } from "../decoder-head.ts";
import type { SharingConfig, SharingLayer } from "./config.ts";

/** Keys `[B, K, T, D]` and values of layers that others may share. */
export type SharedKeys = Map<number, readonly [key: Value, value: Value]>;

/** The embeddings of each layer, `[B, T, P]`: of the token, and of its embedding as a projection. */
export function perLayerInputs(at: Scope, tokens: Value, c: SharingConfig, context: ModelContext): readonly Value[] {
  if (!c.perLayer) return [];
  const { vocabSize, size } = c.perLayer;
  const width = c.numHiddenLayers * size;
  const id = (value: bigint): Value => constant({ dtype: "int64", shape: [], data: BigInt64Array.of(value) });
  const { inputIds } = context;
  const known = vocabSize < c.vocabSize ? where(less(inputIds, id(BigInt(vocabSize))), inputIds, id(0n)) : inputIds;
  const own = mul(
    embedding(at.in("embed_tokens_per_layer"), known, vocabSize, width, c.paddingRow),
    scalar(size ** 0.5),
  );
  const projected = linear(at.in("per_layer_model_projection"), tokens, width, { bias: false }); // [B, T, L·P]
  const each = c.layers.map((): Dimension => size);
  const [ofToken, ofState] = [split(own, each, -1), split(mul(projected, scalar(c.hiddenSize ** -0.5)), each, -1)];
  return ofToken.map((x, i) => {
    const normed = rmsNorm(at.in("per_layer_projection_norm"), ofState[i] as Value, c.rmsNormEps);
    return mul(add(normed, x), scalar(Math.SQRT1_2));
  });
}

/** Heads `[B, K, T, D]` as the cache keeps them: repeated, and with zeros behind. */
function padded(x: Value, heads: number, size: number): Value {
  const [batch, own, length, width] = x.shape as [Dimension, number, Dimension, number];
  const zeros = (): Value => zerosLike({ dtype: "float32", shape: [batch, own, length, size - width] });
  const wide = width === size ? x : concat([x, zeros()], -1);
  if (own === heads) return wide;
  const parts = split(
    wide,
    Array.from({ length: own }, () => 1),
    1,
  );
  return concat(
    parts.map((part) => expand(part, [batch, heads / own, length, size])),
    1,
  );
}

/** Attention whose queries, keys and values are normed head by head; some layers read the keys and values of an earlier one. */
export function sharingAttention(
  at: Scope,
  x: Value,
  c: SharingConfig,
  { index, shared, context }: { readonly index: number; readonly shared: SharedKeys; readonly context: ModelContext },
): Value {
  const layer = c.layers[index] as SharingLayer;
  const { headSize: size, keyHeads } = layer;
  const heads = (name: string, count: number): Value =>
    splitHeads(linear(at.in(name), x, count * size, { bias: c.attentionBias }), count);
  const placed = (x: Value, name: string): Value => context.rotate(rmsNorm(at.in(name), x, c.rmsNormEps), layer.rotary);
  const q = placed(heads("q_proj", c.numAttentionHeads), "q_norm"); // [B, H, T, D]
  const own = (): readonly [Value, Value] => {
    const keys = heads("k_proj", keyHeads); // [B, K, T, D]
    const values = layer.keysAreValues ? keys : heads("v_proj", keyHeads);
    const kept = (x: Value): Value => padded(x, c.numKeyValueHeads, c.headSize);
    return [kept(placed(keys, "k_norm")), kept(rmsNormalized(values, c.rmsNormEps))];
  };
  const pair = layer.source === undefined ? own() : (shared.get(layer.source) as readonly [Value, Value]);
  shared.set(index, pair);
  const wide = padded(q, c.numAttentionHeads, c.headSize);
  const mixed = context.attend(wide, ...pair, { scale: 1, window: layer.window, dropout: c.attentionDropout });
  const [used] = size === c.headSize ? [mixed] : split(mixed, [size, c.headSize - size], -1);
  return linear(at.in("o_proj"), joinHeads(used as Value), c.hiddenSize, { bias: c.attentionBias }); // [B, T, E]
}

/** A gated feed-forward, in which only gates far above their mean may count. */
export function sparseFeedForward(
  at: Scope,
  x: Value,
  c: SharingConfig,
  { intermediateSize, cutoff }: SharingLayer,
): Value {
  const [gate, up] = ["gate_proj", "up_proj"].map((name) =>
    linear(at.in(name), x, intermediateSize, { bias: false }),
  ) as [Value, Value];
  const kept = cutoff === undefined ? gate : aboveCutoff(gate, cutoff);
  return linear(at.in("down_proj"), mul(activation(c.hiddenAct)(kept), up), c.hiddenSize, { bias: false }); // [B, T, E]
}

/** The part of x `[B, T, F]` that is above its row's mean by a number of standard deviations; the rest becomes 0. */
function aboveCutoff(x: Value, deviations: number): Value {
  const mean = reduceMean(x, [-1], true);
  const away = sub(x, mean);
  const deviation = sqrt(reduceMean(mul(away, away), [-1], true));
  return relu(sub(away, mul(deviation, scalar(deviations))));
}

/** The change by a layer's own embedding `[B, T, P]`, gated by the state: `[B, T, E]`. */
export function perLayerChange(at: Scope, x: Value, own: Value, c: SharingConfig): Value {
  const size = own.shape.at(-1) as number;
  const gate = activation(c.hiddenAct)(linear(at.in("per_layer_input_gate"), x, size, { bias: false }));
  const change = linear(at.in("per_layer_projection"), mul(gate, own), c.hiddenSize, { bias: false });
  return rmsNorm(at.in("post_per_layer_input_norm"), change, c.rmsNormEps);
}

/** The scaled embeddings of tokens: `[B, T, E]`. */
export function scaledEmbedding(at: Scope, c: SharingConfig, { inputIds }: ModelContext): Value {
  return mul(
    embedding(at.in("embed_tokens"), inputIds, c.vocabSize, c.hiddenSize, c.paddingRow),
    scalar(c.hiddenSize ** 0.5),
  );
}

/** Closes the model with its head; scores may be capped. */
export function cappedOutputs(root: Scope, c: SharingConfig, context: ModelContext, hidden: Value): ModelOutputs {
  const head = c.tieWordEmbeddings ? root.in("model.embed_tokens") : root.in("lm_head");
  const lmHead = (x: Value): Value => {
    const logits = linear(head, x, c.vocabSize, { bias: false });
    return c.logitSoftcap === undefined ? logits : softcap(logits, c.logitSoftcap);
  };
  return decoderOutputs(root, c, context, hidden, { lmHead, classifier: "score" });
}
