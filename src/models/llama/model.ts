import { add, mul, type Value } from "../../graph/index.ts";
import {
  activation,
  embedding,
  joinHeads,
  linear,
  type ModelContext,
  rmsNorm,
  type Scope,
  splitHeads,
} from "../../nn/index.ts";
import type { DecoderModel } from "../family.ts";
import type { LlamaConfig } from "./config.ts";

/** Self-attention with rotary positions; several query heads may share a key-value head. */
function selfAttention(at: Scope, x: Value, c: LlamaConfig, context: ModelContext): Value {
  const project = (name: string, heads: number): Value =>
    splitHeads(linear(at.in(name), x, heads * c.headSize, { bias: c.attentionBias }), heads);
  const q = context.rotate(project("q_proj", c.numAttentionHeads), c.rotary); // [B, H, T, D]
  const k = context.rotate(project("k_proj", c.numKeyValueHeads), c.rotary); // [B, K, T, D]
  const v = project("v_proj", c.numKeyValueHeads); // [B, K, T, D]
  const mixed = context.attend(q, k, v, { scale: c.headSize ** -0.5, window: c.slidingWindow }); // [B, H, T, D]
  return linear(at.in("o_proj"), joinHeads(mixed), c.hiddenSize, { bias: c.attentionBias }); // [B, T, E]
}

/** SwiGLU: down(act(gate(x)) · up(x)) (Shazeer, 2020). */
function feedForward(at: Scope, x: Value, c: LlamaConfig): Value {
  const gate = activation(c.hiddenAct)(linear(at.in("gate_proj"), x, c.intermediateSize, { bias: c.mlpBias })); // [B, T, F]
  const up = linear(at.in("up_proj"), x, c.intermediateSize, { bias: c.mlpBias }); // [B, T, F]
  return linear(at.in("down_proj"), mul(gate, up), c.hiddenSize, { bias: c.mlpBias }); // [B, T, E]
}

function block(at: Scope, x: Value, c: LlamaConfig, context: ModelContext): Value {
  x = add(x, selfAttention(at.in("self_attn"), rmsNorm(at.in("input_layernorm"), x, c.rmsNormEps), c, context));
  return add(x, feedForward(at.in("mlp"), rmsNorm(at.in("post_attention_layernorm"), x, c.rmsNormEps), c));
}

/** LLaMA: a pre-norm decoder with rotary positions and gated feed-forward (Touvron et al., 2023). */
export const llama: DecoderModel<LlamaConfig> = (root, c, context) => {
  const at = root.in("model");
  const tokens = embedding(at.in("embed_tokens"), context.inputIds, c.vocabSize, c.hiddenSize); // [B, T, E]
  const x = context.throughLayers(tokens, (x, i) => block(at.in(`layers.${i}`), x, c, context));
  const head = c.tieWordEmbeddings ? at.in("embed_tokens") : root.in("lm_head");
  return context.output(rmsNorm(at.in("norm"), x, c.rmsNormEps), (x) => linear(head, x, c.vocabSize, { bias: false }));
};
