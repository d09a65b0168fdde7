import { add, type Dimension, geluTanh, reshape, split, transpose, type Value } from "../../graph/index.ts";
import { alibi, embedding, joinHeads, layerNorm, linear, type ModelContext, type Scope } from "../../nn/index.ts";
import { decoderOutputs } from "../decoder-head.ts";
import type { DecoderModel } from "../family.ts";
import type { BloomConfig } from "./config.ts";

/** Self-attention with one fused projection, in which each head's query, key and value lie side by side. */
function selfAttention(at: Scope, x: Value, c: BloomConfig, context: ModelContext): Value {
  const [batch, queries] = x.shape as [Dimension, Dimension, number];
  const { headSize: size, numAttentionHeads: count } = c;
  const fused = linear(at.in("query_key_value"), x, 3 * c.hiddenSize);
  const heads = transpose(reshape(fused, [batch, queries, count, 3 * size]), [0, 2, 1, 3]);
  const [q, k, v] = split(heads, [size, size, size], -1) as [Value, Value, Value]; // 3 × [B, H, T, D]
  const bias = alibi(context, { heads: count }); // [B, H, T, S]
  const mixed = context.attend(q, k, v, { scale: size ** -0.5, bias, dropout: c.attentionDropout }); // [B, H, T, D]
  return linear(at.in("dense"), joinHeads(mixed), c.hiddenSize); // [B, T, E]
}

function feedForward(at: Scope, x: Value, c: BloomConfig): Value {
  return linear(at.in("dense_4h_to_h"), geluTanh(linear(at.in("dense_h_to_4h"), x, 4 * c.hiddenSize)), c.hiddenSize);
}

function block(at: Scope, x: Value, c: BloomConfig, context: ModelContext): Value {
  const residual = (name: string, x: Value, sublayer: (x: Value) => Value): Value => {
    const normed = layerNorm(at.in(name), x, c.layerNormEpsilon);
    return add(context.dropout(sublayer(normed), c.hiddenDropout), c.residualIsNormed ? normed : x);
  };
  x = residual("input_layernorm", x, (x) => selfAttention(at.in("self_attention"), x, c, context));
  return residual("post_attention_layernorm", x, (x) => feedForward(at.in("mlp"), x, c));
}

/** BLOOM is GPT-NeoX with ALiBi in place of rotary positions, and a norm of the embeddings (Le Scao et al., 2022). */
export const bloom: DecoderModel<BloomConfig> = (root, c, context) => {
  const at = root.in("transformer");
  const tokens = embedding(at.in("word_embeddings"), context.inputIds, c.vocabSize, c.hiddenSize); // [B, T, E]
  const start = layerNorm(at.in("word_embeddings_layernorm"), tokens, c.layerNormEpsilon);
  const x = context.throughLayers(start, (x, i) => block(at.in(`h.${i}`), x, c, context));
  const head = c.tieWordEmbeddings ? at.in("word_embeddings") : root.in("lm_head");
  const lmHead = (x: Value): Value => linear(head, x, c.vocabSize, { bias: false });
  const hidden = layerNorm(at.in("ln_f"), x, c.layerNormEpsilon);
  const read = c.head.kind === "token-classification" ? context.dropout(hidden, c.hiddenDropout) : hidden;
  return decoderOutputs(root, c, context, read, { lmHead, classifier: "classifier" });
};
