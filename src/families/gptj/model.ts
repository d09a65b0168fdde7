import { add, type Value } from "../../graph/index.ts";
import {
  activation,
  embedding,
  joinHeads,
  layerNorm,
  linear,
  type ModelContext,
  type Scope,
  splitHeads,
} from "../../nn/index.ts";
import { decoderOutputs } from "../decoder-head.ts";
import type { DecoderModel } from "../family.ts";
import type { GptJConfig } from "./config.ts";

function selfAttention(at: Scope, x: Value, c: GptJConfig, context: ModelContext): Value {
  const bias = false;
  const project = (name: string): Value =>
    splitHeads(linear(at.in(name), x, c.hiddenSize, { bias }), c.numAttentionHeads);
  const [q, k] = [project("q_proj"), project("k_proj")].map((x) => context.rotate(x, c.rotary)) as [Value, Value];
  const options = { scale: c.headSize ** -0.5, dropout: c.attentionDropout };
  const mixed = context.attend(q, k, project("v_proj"), options); // [B, H, T, D]
  return linear(at.in("out_proj"), joinHeads(mixed), c.hiddenSize, { bias }); // [B, T, E]
}

function feedForward(at: Scope, x: Value, c: GptJConfig): Value {
  const wide = activation(c.activation)(linear(at.in("fc_in"), x, c.intermediateSize)); // [B, T, F]
  return linear(at.in("fc_out"), wide, c.hiddenSize);
}

function block(at: Scope, x: Value, c: GptJConfig, context: ModelContext): Value {
  const normed = layerNorm(at.in("ln_1"), x, c.layerNormEpsilon);
  const attended = context.dropout(selfAttention(at.in("attn"), normed, c, context), c.residualDropout);
  return add(add(attended, context.dropout(feedForward(at.in("mlp"), normed, c), c.residualDropout)), x);
}

/** GPT-J is GPT-2 with rotary positions on interleaved pairs, and both sublayers over one norm (Wang and Komatsuzaki, 2021). */
export const gptJ: DecoderModel<GptJConfig> = (root, c, context) => {
  const at = root.in("transformer");
  const tokens = embedding(at.in("wte"), context.inputIds, c.vocabSize, c.hiddenSize); // [B, T, E]
  const x = context.throughLayers(context.dropout(tokens, c.embeddingDropout), (x, i) =>
    block(at.in(`h.${i}`), x, c, context),
  );
  const head = c.tieWordEmbeddings ? at.in("wte") : root.in("lm_head");
  const lmHead = (x: Value): Value =>
    add(linear(head, x, c.vocabSize, { bias: false }), root.in("lm_head").parameter("bias", [c.vocabSize]));
  const hidden = layerNorm(at.in("ln_f"), x, c.layerNormEpsilon);
  return decoderOutputs(root, c, context, hidden, { lmHead, classifier: "score" });
};
