import {
  add,
  type Dimension,
  expand,
  matmul,
  mul,
  reshape,
  scalar,
  takeAlong,
  transpose,
  type Value,
} from "../../graph/index.ts";
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
import type { EncoderModel } from "../family.ts";
import { firstToken, headOutputs } from "../head.ts";
import type { DebertaConfig } from "./config.ts";

const norm = (at: Scope, x: Value, c: DebertaConfig): Value => layerNorm(at.in("LayerNorm"), x, c.layerNormEps);

function embeddings(at: Scope, c: DebertaConfig, context: ModelContext): Value {
  let x = embedding(at.in("word_embeddings"), context.inputIds, c.vocabSize, c.hiddenSize, c.padTokenId); // [B, T, E]
  if (c.positionBiasedInput)
    x = add(x, embedding(at.in("position_embeddings"), context.positionIds(), c.maxPositionEmbeddings, c.hiddenSize));
  if (c.typeVocabSize > 0)
    x = add(x, embedding(at.in("token_type_embeddings"), context.tokenTypeIds(), c.typeVocabSize, c.hiddenSize));
  return context.drop(norm(at, x, c), c.hiddenDropout);
}

/** Distances as heads see them: `[N, E]` → `[H, N, D]`. */
function distanceHeads(at: Scope, distances: Value, c: DebertaConfig): Value {
  const count = distances.shape[0] as number;
  return transpose(reshape(linear(at, distances, c.hiddenSize), [count, c.numAttentionHeads, c.headSize]), [1, 0, 2]);
}

/** Scores against each distance `[B, H, T, N]`, read at the distance of each pair `[B, 1, T, S]`. */
function atDistances(x: Value, distances: Value, index: Value): Value {
  const scores = matmul(x, distances, { transposeB: true });
  const [batch, heads] = scores.shape as [Dimension, number];
  return takeAlong(scores, expand(index, [batch, heads, ...index.shape.slice(2)]));
}

/** Disentangled attention: what a token is and where it stands have scores of their own. */
function selfAttention(at: Scope, x: Value, c: DebertaConfig, context: ModelContext, table: Value): Value {
  const distances = context.drop(table, c.hiddenDropout); // [N, E]
  const project = (name: string): Value => splitHeads(linear(at.in(name), x, c.hiddenSize), c.numAttentionHeads);
  const [q, k, v] = [project("query_proj"), project("key_proj"), project("value_proj")]; // 3 × [B, H, T, D]
  const kinds = 1 + Number(c.contentToPosition) + Number(c.positionToContent);
  const scale = (c.headSize * kinds) ** -0.5;
  const buckets = { span: c.span, maxDistance: c.isBucketed ? c.maxDistance : undefined };
  const biases: Value[] = [];
  if (c.contentToPosition) {
    const keys = distanceHeads(at.in(c.sharesKey ? "key_proj" : "pos_key_proj"), distances, c);
    biases.push(atDistances(q, keys, context.distances({ ...buckets, from: "query" })));
  }
  if (c.positionToContent) {
    const queries = distanceHeads(at.in(c.sharesKey ? "query_proj" : "pos_query_proj"), distances, c);
    const byKey = atDistances(k, queries, context.distances({ ...buckets, from: "key" })); // [B, H, S, T]
    biases.push(transpose(byKey, [0, 1, 3, 2]));
  }
  const [first, ...rest] = biases;
  const bias =
    first &&
    mul(
      rest.reduce((sum, part) => add(sum, part), first),
      scalar(scale),
    );
  return joinHeads(context.attend(q, k, v, { scale, dropout: c.attentionDropout, ...(bias && { bias }) }));
}

function layer(at: Scope, x: Value, c: DebertaConfig, context: ModelContext, distances: Value): Value {
  const mixed = selfAttention(at.in("attention.self"), x, c, context, distances); // [B, T, E]
  const out = at.in("attention.output");
  x = norm(out, add(x, context.drop(linear(out.in("dense"), mixed, c.hiddenSize), c.hiddenDropout)), c);
  const wide = activation(c.hiddenAct)(linear(at.in("intermediate.dense"), x, c.intermediateSize)); // [B, T, F]
  const narrow = context.drop(linear(at.in("output.dense"), wide, c.hiddenSize), c.hiddenDropout);
  return norm(at.in("output"), add(x, narrow), c);
}

/** DeBERTa v2 and v3: an encoder whose attention reads distances apart from content (He et al., 2020). */
export const debertaV2: EncoderModel<DebertaConfig> = (root, c, context) => {
  const at = root.in("deberta");
  const table = at.in("encoder.rel_embeddings").parameter("weight", [2 * c.span, c.hiddenSize]);
  const distances = c.normsDistances ? norm(at.in("encoder"), table, c) : table; // [N, E]
  const hidden = context.throughLayers(embeddings(at.in("embeddings"), c, context), (x, i) =>
    layer(at.in(`encoder.layer.${i}`), x, c, context, distances),
  );
  context.hiddenStates.push(hidden);
  const read = c.head.kind === "tokens" ? context.drop(hidden, c.hiddenDropout) : hidden;
  return headOutputs(root, read, c.head, {
    words: () => {
      const head = root.in("cls.predictions");
      const dense = activation(c.hiddenAct)(linear(head.in("transform.dense"), hidden, c.hiddenSize));
      const y = norm(head.in("transform"), dense, c);
      const words = c.tieWordEmbeddings ? at.in("embeddings.word_embeddings") : head.in("decoder");
      return add(linear(words, y, c.vocabSize, { bias: false }), head.parameter("bias", [c.vocabSize]));
    },
    sequence: () => {
      const first = context.drop(firstToken(hidden), c.poolerDropout); // [B, E]
      const pooled = activation(c.poolerAct)(linear(root.in("pooler.dense"), first, c.hiddenSize));
      return linear(root.in("classifier"), context.drop(pooled, c.classifierDropout), c.head.numLabels);
    },
  });
};
