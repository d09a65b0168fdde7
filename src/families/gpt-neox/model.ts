import { add, type Dimension, reshape, split, transpose, type Value } from "../../graph/index.ts";
import { activation, embedding, joinHeads, layerNorm, linear, type ModelContext, type Scope } from "../../nn/index.ts";
import { decoderOutputs } from "../decoder-head.ts";
import type { DecoderModel } from "../family.ts";
import type { GptNeoXConfig } from "./config.ts";

/** Self-attention with one fused projection, in which each head's query, key and value lie side by side. */
function selfAttention(at: Scope, x: Value, c: GptNeoXConfig, context: ModelContext): Value {
  const [batch, queries] = x.shape as [Dimension, Dimension, number];
  const bias = c.attentionBias;
  const fused = linear(at.in("query_key_value"), x, 3 * c.hiddenSize, { bias });
  const heads = transpose(reshape(fused, [batch, queries, c.numAttentionHeads, 3 * c.headSize]), [0, 2, 1, 3]);
  const [q, k, v] = split(heads, [c.headSize, c.headSize, c.headSize], -1) as [Value, Value, Value]; // 3 × [B, H, T, D]
  const turned = [q, k].map((x) => context.rotate(x, c.rotary)) as [Value, Value];
  const mixed = context.attend(...turned, v, { scale: c.headSize ** -0.5, dropout: c.attentionDropout }); // [B, H, T, D]
  return linear(at.in("dense"), joinHeads(mixed), c.hiddenSize, { bias }); // [B, T, E]
}

function feedForward(at: Scope, x: Value, c: GptNeoXConfig): Value {
  const wide = activation(c.hiddenAct)(linear(at.in("dense_h_to_4h"), x, c.intermediateSize)); // [B, T, F]
  return linear(at.in("dense_4h_to_h"), wide, c.hiddenSize); // [B, T, E]
}

function block(at: Scope, x: Value, c: GptNeoXConfig, context: ModelContext): Value {
  const attended = selfAttention(
    at.in("attention"),
    layerNorm(at.in("input_layernorm"), x, c.layerNormEps),
    c,
    context,
  );
  const sum = add(x, context.dropout(attended, c.hiddenDropout));
  const entering = c.parallelResidual ? x : sum;
  const normed = layerNorm(at.in("post_attention_layernorm"), entering, c.layerNormEps);
  return add(sum, context.dropout(feedForward(at.in("mlp"), normed, c), c.hiddenDropout));
}

/** GPT-NeoX, which Pythia is too: rotary positions on a part of each head, parallel sublayers (Black et al., 2022). */
export const gptNeoX: DecoderModel<GptNeoXConfig> = (root, c, context) => {
  const at = root.in("gpt_neox");
  const tokens = embedding(at.in("embed_in"), context.inputIds, c.vocabSize, c.hiddenSize); // [B, T, E]
  const x = context.throughLayers(context.dropout(tokens, c.hiddenDropout), (x, i) =>
    block(at.in(`layers.${i}`), x, c, context),
  );
  const head = c.tieWordEmbeddings ? at.in("embed_in") : root.in("embed_out");
  const lmHead = (x: Value): Value => linear(head, x, c.vocabSize, { bias: false });
  const hidden = layerNorm(at.in("final_layer_norm"), x, c.layerNormEps);
  return decoderOutputs(root, c, context, hidden, { lmHead, classifier: "classifier" });
};
