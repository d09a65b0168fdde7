import { add, mul, scalar, type Value } from "../../graph/index.ts";
import {
  activation,
  embedding,
  joinHeads,
  layerNorm,
  linear,
  type ModelContext,
  positionIds,
  type Scope,
  sinusoidalPositions,
  sinusoidalPositionsAfterPadding,
  splitHeads,
  stateAtLast,
} from "../../nn/index.ts";
import type { DecoderModel, EncoderDecoderModel } from "../family.ts";
import { longAttention } from "../longformer/attention.ts";
import type { BartConfig, BartDecoderConfig, BartStack } from "./config.ts";

type Side = "encoder" | "decoder";

const EPSILON = 1e-5;

/** Attention of x over itself, or over the encoder's states. */
function attention(at: Scope, x: Value, heads: number, c: BartStack, context: ModelContext, memory?: Value): Value {
  const dropout = c.attentionDropout;
  const size = x.shape[2] as number;
  const scale = (size / heads) ** -0.5;
  const project = (name: string, from: Value): Value => splitHeads(linear(at.in(name), from, size), heads);
  const keyValue = (from: Value): [Value, Value] => [project("k_proj", from), project("v_proj", from)];
  const q = project("q_proj", x); // [B, H, T, D]
  const mixed = memory
    ? context.attendAcross(q, () => keyValue(memory), { scale, dropout })
    : context.attend(q, ...keyValue(x), { scale, dropout });
  return linear(at.in("out_proj"), joinHeads(mixed), size);
}

/** x + sublayer(x), normed before or behind. */
function residual(at: Scope, x: Value, c: BartStack, context: ModelContext, sublayer: (x: Value) => Value): Value {
  const dropped = (x: Value): Value => context.dropout(sublayer(x), c.dropout);
  const norm = (x: Value): Value => layerNorm(at, x, EPSILON);
  return c.preNorm ? add(x, dropped(norm(x))) : norm(add(x, dropped(x)));
}

/** The settings of one layer: its side, its index, and the encoder's states that it reads. */
interface Layer {
  readonly side: Side;
  readonly index: number;
  readonly memory: Value | undefined;
}

/** Attention of x over itself, in windows where the text may be long. */
function selfAttention(at: Scope, x: Value, c: BartStack, context: ModelContext, { side, index }: Layer): Value {
  const { heads, long } = c[side];
  if (!long) return attention(at, x, heads, c, context);
  const mixed = longAttention(at.in("longformer_self_attn"), x, index, long, context);
  return linear(at.in("output"), mixed, c.hiddenSize);
}

function layer(at: Scope, x: Value, c: BartStack, context: ModelContext, own: Layer): Value {
  const { heads, intermediateSize } = c[own.side];
  const { memory } = own;
  x = residual(at.in("self_attn_layer_norm"), x, c, context, (x) =>
    selfAttention(at.in("self_attn"), x, c, context, own),
  );
  if (memory)
    x = residual(at.in("encoder_attn_layer_norm"), x, c, context, (x) =>
      attention(at.in("encoder_attn"), x, heads, c, context, memory),
    );
  return residual(at.in("final_layer_norm"), x, c, context, (x) => {
    const wide = activation(c.activation)(linear(at.in("fc1"), x, intermediateSize)); // [B, T, F]
    return linear(at.in("fc2"), context.dropout(wide, c.activationDropout), c.hiddenSize);
  });
}

/** The position embeddings: `[B, T, E]`. Sinusoids that a checkpoint holds are read from it. */
function places(at: Scope, side: Side, c: BartStack, context: ModelContext): Value {
  if (c.positions === "sinusoidal-after-padding")
    return sinusoidalPositionsAfterPadding(context, c.hiddenSize, c.padTokenId as number);
  if (c.positions === "sinusoidal" && !c[side].hasPositions) return sinusoidalPositions(context, c.hiddenSize);
  const offset = c.positions === "learned" ? 2 : 0; // rows of the table that no position names
  return embedding(
    at.in("embed_positions"),
    positionIds(context, offset),
    c[side].positionCount + offset,
    c.hiddenSize,
  );
}

function stack(root: Scope, side: Side, c: BartStack, context: ModelContext, memory?: Value): Value {
  const at = root.in(`${c.root}.${side}`);
  const { words, vocabSize } = c[side];
  const tokens = embedding(root.in(words), context.inputIds, vocabSize, c.hiddenSize, c.padTokenId); // [B, T, E]
  const scaled = c.embeddingScale === 1 ? tokens : mul(tokens, scalar(c.embeddingScale));
  let x = add(scaled, places(at, side, c, context));
  if (c.embeddingNorm) x = layerNorm(at.in("layernorm_embedding"), x, EPSILON);
  x = context.throughLayers(context.dropout(x, c.dropout), (x, index) =>
    layer(at.in(`layers.${index}`), x, c, context, { side, index, memory }),
  );
  return c.preNorm ? layerNorm(at.in("layer_norm"), x, EPSILON) : x;
}

/** BART and its relatives: an encoder and a decoder with absolute positions (Lewis et al., 2019). */
export const bart: EncoderDecoderModel<BartConfig> = {
  encode: (root, c, context) => stack(root, "encoder", c, context),
  decode(root, c, context, memory) {
    const heads: Record<HeadKind, (x: Value) => Value> = {
      lm: (x) => lmHead(root, x, c),
      "sequence-classification": (x) => classes(root, x, c, context),
      "question-answering": (x) => linear(root.in("qa_outputs"), x, 2),
      none: (x) => x,
    };
    return context.output(stack(root, "decoder", c, context, memory), heads[c.head.kind as HeadKind]);
  },
};

/** The decoder of BART or a relative by itself, as a language model. */
export const bartDecoder: DecoderModel<BartDecoderConfig> = (root, c, context) =>
  context.output(stack(root, "decoder", c, context), (x) => lmHead(root, x, c));

type HeadKind = "lm" | "sequence-classification" | "question-answering" | "none";

/** Scores of every word: `[B, T, V]`. */
function lmHead(root: Scope, x: Value, c: BartStack): Value {
  const { vocabSize } = c.decoder;
  const logits = linear(root.in(c.output), x, vocabSize, { bias: false });
  return c.hasLogitsBias ? add(logits, root.parameter("final_logits_bias", [1, vocabSize])) : logits;
}

/** A class of the whole, read at the last end token: `[B, T, E]` → `[B, C]`. */
function classes(root: Scope, hidden: Value, c: BartConfig, context: ModelContext): Value {
  const read = context.dropout(stateAtLast(context, hidden, c.eosTokenId), c.classifierDropout); // [B, E]
  const at = root.in("classification_head");
  const summary = activation("tanh")(linear(at.in("dense"), read, c.hiddenSize));
  return linear(at.in("out_proj"), context.dropout(summary, c.classifierDropout), c.head.numLabels);
}
