import { add, type Value } from "../../graph/index.ts";
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
import type { GptNeoConfig } from "./config.ts";

/** Self-attention whose scores are not scaled. */
function selfAttention(at: Scope, x: Value, c: GptNeoConfig, context: ModelContext, index: number): Value {
  const project = (name: string): Value =>
    splitHeads(linear(at.in(name), x, c.hiddenSize, { bias: false }), c.numAttentionHeads);
  const [q, k, v] = [project("q_proj"), project("k_proj"), project("v_proj")]; // 3 × [B, H, T, D]
  const options = { scale: 1, window: c.windows[index], dropout: c.attentionDropout };
  return linear(at.in("out_proj"), joinHeads(context.attend(q, k, v, options)), c.hiddenSize); // [B, T, E]
}

function feedForward(at: Scope, x: Value, c: GptNeoConfig): Value {
  const wide = activation(c.activation)(linear(at.in("c_fc"), x, c.intermediateSize)); // [B, T, F]
  return linear(at.in("c_proj"), wide, c.hiddenSize);
}

function block(at: Scope, x: Value, c: GptNeoConfig, context: ModelContext, index: number): Value {
  const norm = (name: string, x: Value): Value => layerNorm(at.in(name), x, c.layerNormEpsilon);
  const attended = selfAttention(at.in("attn.attention"), norm("ln_1", x), c, context, index);
  x = add(x, context.dropout(attended, c.residualDropout));
  return add(x, context.dropout(feedForward(at.in("mlp"), norm("ln_2", x), c), c.residualDropout));
}

/** GPT-Neo is GPT-2 with a window in some layers, three projections and scores that are not scaled (Black et al., 2021). */
export const gptNeo: DecoderModel<GptNeoConfig> = (root, c, context) => {
  const at = root.in("transformer");
  const tokens = embedding(at.in("wte"), context.inputIds, c.vocabSize, c.hiddenSize); // [B, T, E]
  const places = embedding(at.in("wpe"), positionIds(context), c.maxPositionEmbeddings, c.hiddenSize); // [B, T, E]
  const x = context.throughLayers(context.dropout(add(tokens, places), c.embeddingDropout), (x, i) =>
    block(at.in(`h.${i}`), x, c, context, i),
  );
  const head = c.tieWordEmbeddings ? at.in("wte") : root.in("lm_head");
  const lmHead = (x: Value): Value => linear(head, x, c.vocabSize, { bias: false });
  const hidden = layerNorm(at.in("ln_f"), x, c.layerNormEpsilon);
  const read = c.head.kind === "token-classification" ? context.dropout(hidden, c.classifierDropout) : hidden;
  return decoderOutputs(root, c, context, read, { lmHead, classifier: "classifier" });
};
