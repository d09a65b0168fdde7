import { add, split, type Value } from "../../graph/index.ts";
import {
  activation,
  embedding,
  joinHeads,
  layerNorm,
  linear,
  type ModelContext,
  positionIds,
  type Scope,
  splitHeads,
} from "../../nn/index.ts";
import { decoderOutputs } from "../decoder-head.ts";
import type { DecoderModel } from "../family.ts";
import type { Gpt2Config } from "./config.ts";

/** GPT-2 stores its linear layers as [in, out], as one-dimensional convolutions. */
const layout = "in-out";

/** Self-attention with one fused projection for queries, keys and values. */
function selfAttention(at: Scope, x: Value, c: Gpt2Config, context: ModelContext, index: number): Value {
  const fused = linear(at.in("c_attn"), x, 3 * c.hiddenSize, { layout });
  const [q, k, v] = split(fused, [c.hiddenSize, c.hiddenSize, c.hiddenSize], -1) // 3 × [B, T, E]
    .map((part) => splitHeads(part, c.numAttentionHeads)) as [Value, Value, Value]; // 3 × [B, H, T, D]
  const scale = (c.scaleAttention ? c.headSize ** -0.5 : 1) / (c.scaleByLayer ? index + 1 : 1);
  const mixed = context.attend(q, k, v, { scale, dropout: c.attentionDropout }); // [B, H, T, D]
  return linear(at.in("c_proj"), joinHeads(mixed), c.hiddenSize, { layout }); // [B, T, E]
}

function feedForward(at: Scope, x: Value, c: Gpt2Config): Value {
  const wide = activation(c.activation)(linear(at.in("c_fc"), x, c.intermediateSize, { layout })); // [B, T, F]
  return linear(at.in("c_proj"), wide, c.hiddenSize, { layout }); // [B, T, E]
}

function block(at: Scope, x: Value, c: Gpt2Config, context: ModelContext, index: number): Value {
  const dropout = (y: Value): Value => context.dropout(y, c.residualDropout);
  x = add(x, dropout(selfAttention(at.in("attn"), layerNorm(at.in("ln_1"), x, c.layerNormEpsilon), c, context, index)));
  return add(x, dropout(feedForward(at.in("mlp"), layerNorm(at.in("ln_2"), x, c.layerNormEpsilon), c)));
}

/** GPT-2: a pre-norm decoder with learned positions (Radford et al., 2019). */
export const gpt2: DecoderModel<Gpt2Config> = (root, c, context) => {
  const at = root.in("transformer");
  const tokens = embedding(at.in("wte"), context.inputIds, c.vocabSize, c.hiddenSize); // [B, T, E]
  const places = embedding(at.in("wpe"), positionIds(context), c.maxPositionEmbeddings, c.hiddenSize); // [B, T, E]
  const x = context.throughLayers(context.dropout(add(tokens, places), c.embeddingDropout), (x, i) =>
    block(at.in(`h.${i}`), x, c, context, i),
  );
  const head = c.tieWordEmbeddings ? at.in("wte") : root.in("lm_head");
  const lmHead = (x: Value): Value => linear(head, x, c.vocabSize, { bias: false });
  const hidden = layerNorm(at.in("ln_f"), x, c.layerNormEpsilon);
  return decoderOutputs(root, c, context, hidden, { lmHead, classifier: "classifier" });
};
