import { add, mul, split, type Value } from "../../graph/index.ts";
import {
  activation,
  embedding,
  joinHeads,
  layerNorm,
  linear,
  type ModelContext,
  type Scope,
  splitHeads,
  tokenTypeIds,
} from "../../nn/index.ts";
import type { EncoderModel } from "../family.ts";
import { firstToken, headOutputs } from "../head.ts";
import type { RotaryBertConfig } from "./config.ts";

function embeddings(root: Scope, c: RotaryBertConfig, context: ModelContext): Value {
  const body = root.in(c.names.root);
  let x = embedding(root.in(c.words.embedding), context.inputIds, c.vocabSize, c.hiddenSize, c.padTokenId); // [B, T, E]
  if (c.typeVocabSize > 0) {
    const at = body.in("embeddings.token_type_embeddings");
    x = add(x, embedding(at, tokenTypeIds(context), c.typeVocabSize, c.hiddenSize));
  }
  return context.dropout(layerNorm(body.in(c.names.embeddingNorm), x, c.layerNormEps), c.hiddenDropout);
}

function selfAttention(at: Scope, x: Value, c: RotaryBertConfig, context: ModelContext): Value {
  const { fused, out, attentionBias: bias } = c.names;
  const width = c.numAttentionHeads * c.headSize;
  const [q, k, v] = split(linear(at.in(fused), x, 3 * width, { bias }), [width, width, width], -1).map((part) =>
    splitHeads(part, c.numAttentionHeads),
  ) as [Value, Value, Value]; // 3 × [B, H, T, D]
  const turned = [q, k].map((x) => context.rotate(x, c.rotary)) as [Value, Value];
  const mixed = context.attend(...turned, v, { scale: c.headSize ** -0.5, dropout: c.attentionDropout });
  return linear(at.in(out), joinHeads(mixed), c.hiddenSize, { bias }); // [B, T, E]
}

/** Two layers; or down(act(gate(x)) · up(x)). */
function feedForward(at: Scope, x: Value, c: RotaryBertConfig, context: ModelContext): Value {
  const { feedForward: names } = c.names;
  const [size, act] = [c.intermediateSize, activation(c.hiddenAct)];
  const wide = (name: string, bias: boolean, width = size): Value => linear(at.in(name), x, width, { bias });
  if (names.kind === "plain") return linear(at.in(names.narrow), act(wide(names.wide, true)), c.hiddenSize);
  if (names.kind === "gated") {
    const gated = mul(act(wide(names.gate, false)), wide(names.up, false)); // [B, T, F]
    return linear(at.in(names.narrow), gated, c.hiddenSize, { bias: false });
  }
  const [up, gate] = split(wide(names.upGate, false, 2 * size), [size, size], -1) as [Value, Value];
  return linear(at.in(names.narrow), context.dropout(mul(act(gate), up), c.hiddenDropout), c.hiddenSize);
}

/** A post-norm layer: x = norm(x + attention(x)), then the same with the feed-forward. */
function layer(at: Scope, x: Value, c: RotaryBertConfig, context: ModelContext): Value {
  const [attentionNorm, feedForwardNorm] = c.names.norms;
  const added = (x: Value, y: Value, name: string): Value =>
    layerNorm(at.in(name), add(x, context.dropout(y, c.hiddenDropout)), c.layerNormEps);
  x = added(x, selfAttention(at, x, c, context), attentionNorm);
  return added(x, feedForward(at, x, c, context), feedForwardNorm);
}

/** Scores of every word at every position: `[B, T, V]`. */
function maskedLmHead(root: Scope, x: Value, c: RotaryBertConfig): Value {
  const { dense, act = c.hiddenAct, norm } = c.names.words;
  const y = layerNorm(root.in(norm), activation(act)(linear(root.in(dense), x, c.hiddenSize)), c.layerNormEps);
  const scores = linear(root.in(c.words.output), y, c.vocabSize, { bias: false });
  return add(scores, root.in(c.words.bias).parameter("bias", [c.vocabSize]));
}

/** BERT with rotary positions in place of learned ones: NomicBERT, GTE and Jina's third embeddings. */
export const rotaryBert: EncoderModel<RotaryBertConfig> = (root, c, context) => {
  const body = root.in(c.names.root);
  const hidden = context.throughLayers(embeddings(root, c, context), (x, i) =>
    layer(body.in(`${c.names.layers}.${i}`), x, c, context),
  );
  context.hiddenStates.push(hidden);
  const dropout = (x: Value): Value => context.dropout(x, c.classifierDropout);
  const summary = (at: Scope, x: Value): Value => activation("tanh")(linear(at, x, c.hiddenSize)); // [B, E]
  const pooled = (): Value => summary(body.in("pooler.dense"), firstToken(hidden));
  const { numLabels } = c.head;
  const readsTokens = ["token-classification", "question-answering"].includes(c.head.kind);
  return headOutputs(root, readsTokens ? dropout(hidden) : hidden, c.head, {
    maskedLmHead: () => maskedLmHead(root, hidden, c),
    sequence: () => {
      if (c.names.sequence === "pooler") return linear(root.in("classifier"), dropout(pooled()), numLabels);
      const at = root.in("classifier");
      return linear(at.in("out_proj"), dropout(summary(at.in("dense"), dropout(firstToken(hidden)))), numLabels);
    },
    pooled: c.hasPooler ? pooled : undefined,
  });
};
