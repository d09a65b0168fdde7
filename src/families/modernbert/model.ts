import { add, type Dimension, div, mul, reduceSum, reshape, split, type Value } from "../../graph/index.ts";
import {
  activation,
  embedding,
  joinHeads,
  layerNorm,
  linear,
  type ModelContext,
  type Scope,
  splitHeads,
  stateAtFirst,
  tokenMask,
} from "../../nn/index.ts";
import type { EncoderModel } from "../family.ts";
import { firstToken, headOutputs } from "../head.ts";
import type { ModernBertConfig } from "./config.ts";

const norm = (at: Scope, x: Value, c: ModernBertConfig): Value => layerNorm(at, x, c.normEps, { bias: c.bias.norm });

function layer(at: Scope, x: Value, c: ModernBertConfig, context: ModelContext, index: number): Value {
  const { rotary, localAttention } = c.layers[index] as ModernBertConfig["layers"][number];
  const entering = index === 0 ? x : norm(at.in("attn_norm"), x, c);
  const fused = linear(at.in("attn.Wqkv"), entering, 3 * c.hiddenSize, { bias: c.bias.attention });
  const [q, k, v] = split(fused, [c.hiddenSize, c.hiddenSize, c.hiddenSize], -1).map((part) =>
    splitHeads(part, c.numAttentionHeads),
  ) as [Value, Value, Value]; // 3 × [B, H, T, D]
  const turned = [q, k].map((x) => context.rotate(x, rotary)) as [Value, Value];
  const options = { scale: c.headSize ** -0.5, window: localAttention, dropout: c.dropout.attention };
  const mixed = joinHeads(context.attend(...turned, v, options)); // [B, T, E]
  const attended = linear(at.in("attn.Wo"), mixed, c.hiddenSize, { bias: c.bias.attention });
  x = add(x, context.dropout(attended, c.dropout.attention));
  const wide = linear(at.in("mlp.Wi"), norm(at.in("mlp_norm"), x, c), 2 * c.intermediateSize, { bias: c.bias.mlp });
  const [value, gate] = split(wide, [c.intermediateSize, c.intermediateSize], -1) as [Value, Value];
  const gated = context.dropout(mul(activation(c.hiddenAct)(value), gate), c.dropout.mlp); // [B, T, F]
  return add(x, linear(at.in("mlp.Wo"), gated, c.hiddenSize, { bias: c.bias.mlp }));
}

/** ModernBERT: a pre-norm encoder with rotary positions and windows in most layers (Warner et al., 2024). */
export const modernBert: EncoderModel<ModernBertConfig> = (root, c, context) => {
  const at = root.in("model");
  const tokens = embedding(root.in(c.words.embedding), context.inputIds, c.vocabSize, c.hiddenSize, c.padTokenId);
  const start = context.dropout(norm(at.in("embeddings.norm"), tokens, c), c.dropout.embedding); // [B, T, E]
  const x = context.throughLayers(start, (x, i) => layer(at.in(`layers.${i}`), x, c, context, i));
  const hidden = norm(at.in("final_norm"), x, c);
  context.hiddenStates.push(hidden);
  const head = (x: Value): Value => {
    const dense = activation(c.classifierAct)(linear(root.in("head.dense"), x, c.hiddenSize, { bias: c.bias.head }));
    return norm(root.in("head.norm"), dense, c);
  };
  const classes = (summary: Value): Value =>
    linear(root.in("classifier"), context.dropout(head(summary), c.dropout.classifier), c.head.numLabels);
  const readsAll = c.head.kind === "token-classification" || c.head.kind === "question-answering";
  const read = readsAll ? context.dropout(head(hidden), c.dropout.classifier) : hidden;
  return headOutputs(root, read, c.head, {
    span: "classifier",
    maskedLmHead: () => {
      const scores = linear(root.in(c.words.output), head(hidden), c.vocabSize, { bias: false });
      return c.bias.words ? add(scores, root.in("decoder").parameter("bias", [c.vocabSize])) : scores;
    },
    sequence: () => classes(c.pooling === "cls" ? firstToken(hidden) : mean(hidden, context)),
    choice: () => classes(c.pooling === "cls" ? stateAtFirst(context, hidden) : mean(hidden, context)),
  });
};

/** The mean over tokens, padding left out: `[B, T, E]` → `[B, E]`. */
function mean(hidden: Value, context: ModelContext): Value {
  const [batch, length] = hidden.shape as [Dimension, Dimension, number];
  const mask = reshape(tokenMask(context), [batch, length, 1]);
  return div(reduceSum(mul(hidden, mask), [1]), reduceSum(mask, [1]));
}
