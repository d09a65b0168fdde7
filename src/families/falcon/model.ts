import { add, type Dimension, reshape, slice, transpose, type Value } from "../../graph/index.ts";
import {
  activation,
  alibi,
  embedding,
  joinHeads,
  layerNorm,
  linear,
  type ModelContext,
  type Scope,
} from "../../nn/index.ts";
import { decoderOutputs } from "../decoder-head.ts";
import type { DecoderModel } from "../family.ts";
import type { FalconConfig } from "./config.ts";

/** Queries `[B, H, T, D]`, keys and values `[B, K, T, D]` of one fused projection: of each key head, its queries come first. */
function project(at: Scope, x: Value, c: FalconConfig): [q: Value, k: Value, v: Value] {
  const [batch, length] = x.shape as [Dimension, Dimension, number];
  const { headSize: size, numAttentionHeads: heads, numKeyValueHeads: keyHeads } = c;
  const width = heads / keyHeads;
  const fused = linear(at.in("query_key_value"), x, (heads + 2 * keyHeads) * size, { bias: c.hasBias });
  const groups = reshape(fused, [batch, length, keyHeads, width + 2, size]);
  const part = (from: number, to: number): Value =>
    transpose(reshape(slice(groups, 3, from, to), [batch, length, keyHeads * (to - from), size]), [0, 2, 1, 3]);
  return [part(0, width), part(width, width + 1), part(width + 1, width + 2)];
}

function selfAttention(at: Scope, x: Value, c: FalconConfig, context: ModelContext): Value {
  const [q, k, v] = project(at, x, c);
  const scale = c.headSize ** -0.5;
  const { rotary } = c;
  // The reference drops attention weights beside ALiBi alone.
  const mixed = rotary
    ? context.attend(context.rotate(q, rotary), context.rotate(k, rotary), v, { scale })
    : context.attend(q, k, v, {
        scale,
        bias: alibi(context, { heads: c.numAttentionHeads, isRounded: true, scale }),
        dropout: c.attentionDropout,
      });
  return linear(at.in("dense"), joinHeads(mixed), c.hiddenSize, { bias: c.hasBias }); // [B, T, E]
}

function feedForward(at: Scope, x: Value, c: FalconConfig): Value {
  const wide = activation(c.activation)(linear(at.in("dense_h_to_4h"), x, c.intermediateSize, { bias: c.hasBias }));
  return linear(at.in("dense_4h_to_h"), wide, c.hiddenSize, { bias: c.hasBias });
}

function block(at: Scope, x: Value, c: FalconConfig, context: ModelContext): Value {
  const norm = (name: string, x: Value): Value => layerNorm(at.in(name), x, c.layerNormEpsilon);
  const read = norm(c.norms === "parallel" ? "ln_attn" : "input_layernorm", x);
  const attended = selfAttention(at.in("self_attention"), read, c, context);
  if (c.norms === "sequential") {
    const sum = add(x, context.dropout(attended, c.attentionDropout));
    const forward = feedForward(at.in("mlp"), norm("post_attention_layernorm", sum), c);
    return add(sum, context.dropout(forward, c.hiddenDropout));
  }
  const forward = feedForward(at.in("mlp"), c.norms === "parallel" ? norm("ln_mlp", x) : read, c);
  return add(x, context.dropout(add(forward, attended), c.hiddenDropout));
}

/** Falcon is GPT-NeoX with few key heads, without biases, and perhaps ALiBi in place of rotary positions (Almazrouei et al., 2023). */
export const falcon: DecoderModel<FalconConfig> = (root, c, context) => {
  const at = root.in("transformer");
  const tokens = embedding(at.in("word_embeddings"), context.inputIds, c.vocabSize, c.hiddenSize); // [B, T, E]
  const x = context.throughLayers(tokens, (x, i) => block(at.in(`h.${i}`), x, c, context));
  const head = c.tieWordEmbeddings ? at.in("word_embeddings") : root.in("lm_head");
  const lmHead = (x: Value): Value => linear(head, x, c.vocabSize, { bias: false });
  const hidden = layerNorm(at.in("ln_f"), x, c.layerNormEpsilon);
  const read = c.head.kind === "token-classification" ? context.dropout(hidden, c.hiddenDropout) : hidden;
  return decoderOutputs(root, c, context, read, { lmHead, classifier: "classifier" });
};
