import { add, mul, scalar, type Value } from "../../graph/index.ts";
import {
  activation,
  embedding,
  joinHeads,
  linear,
  type ModelContext,
  relativeBias,
  rmsNorm,
  type Scope,
  splitHeads,
  stateAtLast,
} from "../../nn/index.ts";
import type { EncoderDecoderModel, EncoderModel } from "../family.ts";
import { headOutputs } from "../head.ts";
import type { T5Config, T5EncoderConfig, T5Stack } from "./config.ts";

const norm = (at: Scope, x: Value, c: T5Stack): Value => rmsNorm(at, x, c.layerNormEpsilon);

/** Queries, keys or values `[B, H, T, D]`. */
function project(at: Scope, x: Value, c: T5Stack): Value {
  return splitHeads(linear(at, x, c.numHeads * c.headSize, { bias: false }), c.numHeads);
}

function close(at: Scope, mixed: Value, c: T5Stack): Value {
  return linear(at.in("o"), joinHeads(mixed), c.hiddenSize, { bias: false });
}

/** Self-attention with unscaled scores, to which a learned bias by distance is added: of the first layer, or of each. */
function selfAttention(at: Scope, x: Value, c: T5Stack, context: ModelContext, bias: Value): Value {
  const [q, k, v] = ["q", "k", "v"].map((name) => project(at.in(name), x, c)) as [Value, Value, Value];
  return close(at, context.attend(q, k, v, { scale: 1, bias, dropout: c.dropout }), c);
}

function crossAttention(at: Scope, x: Value, c: T5Stack, context: ModelContext, memory: Value): Value {
  const keyValue = (): [Value, Value] => [project(at.in("k"), memory, c), project(at.in("v"), memory, c)];
  return close(at, context.attendAcross(project(at.in("q"), x, c), keyValue, { scale: 1, dropout: c.dropout }), c);
}

function feedForward(at: Scope, x: Value, c: T5Stack, context: ModelContext): Value {
  const wide = (name: string): Value => linear(at.in(name), x, c.intermediateSize, { bias: false });
  const act = activation(c.activation);
  const inner = c.isGated ? mul(act(wide("wi_0")), wide("wi_1")) : act(wide("wi")); // [B, T, F]
  return linear(at.in("wo"), context.dropout(inner, c.dropout), c.hiddenSize, { bias: false });
}

/** The encoder or the decoder: pre-norm blocks of self-attention, in the decoder cross attention, and feed-forward. */
function stack(root: Scope, side: "encoder" | "decoder", c: T5Stack, context: ModelContext, memory?: Value): Value {
  const at = root.in(side);
  const tokens = embedding(root.in(c.words[side]), context.inputIds, c.vocabSize, c.hiddenSize); // [B, T, E]
  const biasOf = (layer: number): Value => {
    const place = at.in(`block.${layer}.layer.0.SelfAttention.relative_attention_bias`);
    const table = place.parameter("weight", [c.numBuckets, c.numHeads]);
    return relativeBias(context, table, { maxDistance: c.maxDistance, bothWays: side === "encoder" }); // [B, H, T, S]
  };
  const first = biasOf(0);
  const x = context.throughLayers(context.dropout(tokens, c.dropout), (x, i) => {
    const block = at.in(`block.${i}`);
    const bias = c.hasBiasInEachLayer && i > 0 ? biasOf(i) : first;
    const sublayers = [
      (at: Scope, x: Value) => selfAttention(at.in("SelfAttention"), x, c, context, bias),
      ...(memory ? [(at: Scope, x: Value) => crossAttention(at.in("EncDecAttention"), x, c, context, memory)] : []),
      (at: Scope, x: Value) => feedForward(at.in("DenseReluDense"), x, c, context),
    ];
    return sublayers.reduce((x, sublayer, j) => {
      const place = block.in(`layer.${j}`);
      return add(x, context.dropout(sublayer(place, norm(place.in("layer_norm"), x, c)), c.dropout));
    }, x);
  });
  return context.dropout(norm(at.in("final_layer_norm"), x, c), c.dropout);
}

/** T5: an encoder and a decoder with relative positions (Raffel et al., 2019). */
export const t5: EncoderDecoderModel<T5Config> = {
  encode: (root, c, context) => stack(root, "encoder", c, context),
  decode(root, c, context, memory) {
    const heads: Record<DecoderHead, (x: Value) => Value> = {
      lm: (x) => lmHead(root, x, c),
      "sequence-classification": (x) => classes(root, x, c, context),
      "question-answering": (x) => linear(root.in("qa_outputs"), x, 2),
      none: (x) => x,
    };
    return context.output(stack(root, "decoder", c, context, memory), heads[c.head.kind as DecoderHead]);
  },
};

type DecoderHead = "lm" | "sequence-classification" | "question-answering" | "none";

/** Scores of every word: `[B, T, V]`. */
function lmHead(root: Scope, x: Value, c: T5Config): Value {
  const scaled = c.scaleDecoderOutputs ? mul(x, scalar(c.hiddenSize ** -0.5)) : x;
  return linear(root.in(c.words.output), scaled, c.vocabSize, { bias: false });
}

/** A class of the whole, read at the last end token: `[B, T, E]` → `[B, C]`. */
function classes(root: Scope, hidden: Value, c: T5Config, context: ModelContext): Value {
  const read = context.dropout(stateAtLast(context, hidden, c.eosTokenId), c.classifierDropout); // [B, E]
  const at = root.in("classification_head");
  const summary = activation("tanh")(linear(at.in("dense"), read, c.hiddenSize));
  return linear(at.in("out_proj"), context.dropout(summary, c.classifierDropout), c.head.numLabels);
}

/** T5's encoder alone, with or without a token classification head. */
export const t5Encoder: EncoderModel<T5EncoderConfig> = (root, c, context) => {
  const hidden = stack(root, "encoder", c, context);
  context.hiddenStates.push(hidden);
  return headOutputs(
    root,
    c.head.kind === "token-classification" ? context.dropout(hidden, c.classifierDropout) : hidden,
    c.head,
    {},
  );
};
