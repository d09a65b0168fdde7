import {
  add,
  type Dimension,
  expand,
  matmul,
  mul,
  reshape,
  scalar,
  split,
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
  positionIds,
  type Scope,
  signedDistances,
  splitHeads,
  tokenMask,
  tokenTypeIds,
} from "../../nn/index.ts";
import type { EncoderModel } from "../family.ts";
import { firstToken, headOutputs } from "../head.ts";
import type { DebertaConfig, DistanceConfig } from "./config.ts";
import { convolutionLayer } from "./convolution.ts";

const norm = (at: Scope, x: Value, c: DebertaConfig): Value => layerNorm(at.in("LayerNorm"), x, c.layerNormEps);

/** Words, and perhaps positions and segments, widened where the layers are wider, normed; nothing for padding. */
function embeddings(root: Scope, c: DebertaConfig, context: ModelContext): Value {
  const [at, size] = [root.in("deberta.embeddings"), c.embeddingSize];
  let x = embedding(root.in(c.words.embedding), context.inputIds, c.vocabSize, size, c.padTokenId); // [B, T, E]
  if (c.positionBiasedInput)
    x = add(x, embedding(at.in("position_embeddings"), positionIds(context), c.maxPositionEmbeddings, size));
  if (c.typeVocabSize > 0)
    x = add(x, embedding(at.in("token_type_embeddings"), tokenTypeIds(context), c.typeVocabSize, size));
  if (size !== c.hiddenSize) x = linear(at.in("embed_proj"), x, c.hiddenSize, { bias: false });
  const [batch, length] = x.shape as [Dimension, Dimension, number];
  return context.dropout(mul(norm(at, x, c), reshape(tokenMask(context), [batch, length, 1])), c.hiddenDropout);
}

/** Distances as heads see them: `[N, E]` → `[H, N, D]`. */
function distanceHeads(at: Scope, distances: Value, c: DebertaConfig, bias = true): Value {
  const count = distances.shape[0] as number;
  const projected = linear(at, distances, c.hiddenSize, { bias });
  return transpose(reshape(projected, [count, c.numAttentionHeads, c.headSize]), [1, 0, 2]);
}

/** Scores against each distance `[B, H, T, N]`, read at the distance of each pair `[B, 1, T, S]`. */
function atDistances(x: Value, distances: Value, index: Value): Value {
  const scores = matmul(x, distances, { transposeB: true });
  const [batch, heads] = scores.shape as [Dimension, number];
  return takeAlong(scores, expand(index, [batch, heads, ...index.shape.slice(2)]));
}

/** The bias of distances on the scores `[B, H, T, S]`; undefined where content alone counts. */
function distanceBias(at: Scope, q: Value, k: Value, c: DebertaConfig, context: ModelContext, table: Value) {
  const d = c.distances as DistanceConfig;
  const known = context.dropout(table, c.hiddenDropout); // [N, E]
  const buckets = { span: d.span, maxDistance: d.isBucketed ? d.maxDistance : undefined };
  const biases: Value[] = [];
  if (d.contentToPosition) {
    const keys = c.isFused
      ? distanceHeads(at.in("pos_proj"), known, c, false)
      : distanceHeads(at.in(d.sharesKey ? "key_proj" : "pos_key_proj"), known, c);
    biases.push(atDistances(q, keys, signedDistances(context, { ...buckets, from: "query" })));
  }
  if (d.positionToContent) {
    const name = c.isFused ? "pos_q_proj" : "pos_query_proj";
    const queries = distanceHeads(at.in(d.sharesKey ? "query_proj" : name), known, c);
    const byKey = atDistances(k, queries, signedDistances(context, { ...buckets, from: "key" })); // [B, H, S, T]
    biases.push(transpose(byKey, [0, 1, 3, 2]));
  }
  return biases.length === 0 ? undefined : biases.reduce((sum, part) => add(sum, part));
}

/** Queries, keys and values of one projection, 3 × `[B, H, T, D]`: those of each head lie side by side. */
function fusedProjection(at: Scope, x: Value, c: DebertaConfig): [q: Value, k: Value, v: Value] {
  const [batch, length] = x.shape as [Dimension, Dimension, number];
  const { numAttentionHeads: heads, headSize: size } = c;
  const fused = linear(at.in("in_proj"), x, 3 * c.hiddenSize, { bias: false });
  const parts = split(
    transpose(reshape(fused, [batch, length, heads, 3 * size]), [0, 2, 1, 3]),
    [size, size, size],
    -1,
  );
  const shifted = (part: Value, name: string): Value =>
    add(part, reshape(at.parameter(name, [c.hiddenSize]), [heads, 1, size]));
  const [q, k, v] = parts as [Value, Value, Value];
  return [shifted(q, "q_bias"), k, shifted(v, "v_bias")];
}

/** Disentangled attention: what a token is and where it stands have scores of their own. */
function selfAttention(at: Scope, x: Value, c: DebertaConfig, context: ModelContext, table: Value | undefined): Value {
  const project = (name: string): Value => splitHeads(linear(at.in(name), x, c.hiddenSize), c.numAttentionHeads);
  const [q, k, v] = c.isFused
    ? fusedProjection(at, x, c)
    : [project("query_proj"), project("key_proj"), project("value_proj")]; // 3 × [B, H, T, D]
  const scale = (c.headSize * c.pairKinds) ** -0.5;
  const bias = table && distanceBias(at, q, k, c, context, table);
  return joinHeads(
    context.attend(q, k, v, {
      scale,
      dropout: c.attentionDropout,
      hidesAllFromPadding: true,
      ...(bias && { bias: mul(bias, scalar(scale)) }),
    }),
  );
}

function layer(at: Scope, x: Value, c: DebertaConfig, context: ModelContext, table: Value | undefined): Value {
  const mixed = selfAttention(at.in("attention.self"), x, c, context, table); // [B, T, E]
  const out = at.in("attention.output");
  x = norm(out, add(x, context.dropout(linear(out.in("dense"), mixed, c.hiddenSize), c.hiddenDropout)), c);
  const wide = activation(c.hiddenAct)(linear(at.in("intermediate.dense"), x, c.intermediateSize)); // [B, T, F]
  const narrow = context.dropout(linear(at.in("output.dense"), wide, c.hiddenSize), c.hiddenDropout);
  return norm(at.in("output"), add(x, narrow), c);
}

/** The embeddings of distances, `[2 · span, E]`; undefined where content alone counts. */
function distanceTable(at: Scope, c: DebertaConfig): Value | undefined {
  if (!c.distances) return undefined;
  const table = at.in("rel_embeddings").parameter("weight", [2 * c.distances.span, c.hiddenSize]);
  return c.distances.isNormed ? norm(at, table, c) : table;
}

/** Scores of every word at every position: `[B, T, V]`. */
function maskedLmHead(root: Scope, hidden: Value, c: DebertaConfig): Value {
  const at = root.in(c.words.isLegacy ? "cls.predictions.transform" : "lm_predictions.lm_head");
  const y = norm(at, activation(c.hiddenAct)(linear(at.in("dense"), hidden, c.embeddingSize)), c);
  const scores = linear(root.in(c.words.output), y, c.vocabSize, { bias: false });
  return add(scores, root.in(c.words.bias).parameter("bias", [c.vocabSize]));
}

/** DeBERTa: an encoder whose attention reads distances apart from content (He et al., 2020). */
export const debertaV2: EncoderModel<DebertaConfig> = (root, c, context) => {
  const at = root.in("deberta.encoder");
  const table = distanceTable(at, c);
  const embedded = embeddings(root, c, context);
  const { convolution } = c;
  const hidden = context.throughLayers(embedded, (x, i) => {
    const y = layer(at.in(`layer.${i}`), x, c, context, table);
    return i > 0 || !convolution ? y : convolutionLayer(at.in("conv"), embedded, y, { ...c, convolution }, context);
  });
  context.hiddenStates.push(hidden);
  const read = c.head.kind === "token-classification" ? context.dropout(hidden, c.hiddenDropout) : hidden;
  return headOutputs(root, read, c.head, {
    maskedLmHead: () => maskedLmHead(root, hidden, c),
    sequence: () => {
      const first = context.dropout(firstToken(hidden), c.poolerDropout); // [B, E]
      const pooled = activation(c.poolerAct)(linear(root.in("pooler.dense"), first, c.hiddenSize));
      return linear(root.in("classifier"), context.dropout(pooled, c.classifierDropout), c.head.numLabels);
    },
  });
};
