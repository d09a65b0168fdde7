import { add, mul, reshape, scalar, type Value } from "../../graph/index.ts";
import {
  activation,
  embedding,
  joinHeads,
  layerNorm,
  linear,
  type ModelContext,
  positionIds,
  positionIdsAfterPadding,
  questionSegments,
  relativeBias,
  type Scope,
  sparseTokens,
  splitHeads,
  tokenTypeIds,
} from "../../nn/index.ts";
import type { DecoderModel, EncoderModel } from "../family.ts";
import { firstToken, headOutputs } from "../head.ts";
import { longAttention } from "../longformer/attention.ts";
import type { BertConfig, BertDecoderConfig } from "./config.ts";

/** The sum of what a token is, where it stands, and which segment it belongs to, normed and perhaps widened. */
function embeddings(root: Scope, c: BertConfig, context: ModelContext): Value {
  const at = root.in(`${c.names.root}.embeddings`);
  const size = c.embeddingSize;
  const places =
    c.positions === "from-zero" ? positionIds(context) : positionIdsAfterPadding(context, c.padTokenId as number);
  let x = embedding(root.in(c.words.embedding), context.inputIds, c.vocabSize, size, c.padTokenId); // [B, T, E]
  if (c.embeddingScale !== undefined) x = mul(x, scalar(c.embeddingScale));
  const segments = (): Value =>
    c.questionEnd === undefined ? tokenTypeIds(context) : questionSegments(context, c.questionEnd);
  if (c.typeVocabSize > 0) x = add(x, embedding(at.in("token_type_embeddings"), segments(), c.typeVocabSize, size));
  const frozen = c.positions === "from-zero" ? undefined : c.padTokenId;
  x = add(x, embedding(at.in("position_embeddings"), places, c.positionCount, size, frozen));
  x = context.dropout(layerNorm(at.in("LayerNorm"), x, c.layerNormEps), c.hiddenDropout);
  const { projection } = c.names;
  const widens = projection !== undefined && (size !== c.hiddenSize || c.names.root === "albert");
  return widens ? linear(root.in(projection), x, c.hiddenSize) : x;
}

/** The tokens' attention to each other: `[B, T, E]`. */
function attention(at: Scope, x: Value, c: BertConfig, context: ModelContext, bias: Value | undefined): Value {
  const { query, key, value } = c.names.layer;
  const [q, k, v] = [query, key, value].map((name) =>
    splitHeads(linear(at.in(name), x, c.hiddenSize, { bias: c.attentionBias ?? true }), c.numAttentionHeads),
  ) as [Value, Value, Value]; // 3 × [B, H, T, D]
  const { blocks, attentionDropout: dropout } = c;
  const mixed = joinHeads(
    context.attend(q, k, v, { scale: c.headSize ** -0.5, dropout, blocks, ...(bias && { bias }) }),
  );
  return blocks ? mul(mixed, asColumn(sparseTokens(context, blocks))) : mixed;
}

/** A post-norm layer: x = norm(x + attention(x)), then the same with the feed-forward. */
function layer(at: Scope, x: Value, c: BertConfig, context: ModelContext, attend: (x: Value) => Value): Value {
  const { layer: names } = c.names;
  const attentionOutput = add(
    x,
    context.dropout(linear(at.in(names.attentionOutput), attend(x), c.hiddenSize), c.hiddenDropout),
  );
  x = layerNorm(at.in(names.attentionOutputNorm), attentionOutput, c.layerNormEps);
  const intermediate = activation(c.hiddenAct)(linear(at.in(names.intermediate), x, c.intermediateSize)); // [B, T, F]
  const output = context.dropout(linear(at.in(names.output), intermediate, c.hiddenSize), c.hiddenDropout);
  return layerNorm(at.in(names.norm), add(x, output), c.layerNormEps);
}

/** The distance from which on all share the last bucket. */
const MAX_DISTANCE = 128;

/** The bias `[B, H, T, T]` of distances, which all layers share; undefined where there is none. */
function distanceBias(body: Scope, c: BertConfig, context: ModelContext): Value | undefined {
  if (c.distanceBuckets === 0) return undefined;
  const at = body.in("encoder.relative_attention_bias");
  const table = at.parameter("weight", [c.distanceBuckets, c.numAttentionHeads]);
  return relativeBias(context, table, { maxDistance: MAX_DISTANCE, bothWays: true });
}

/** `[B, T]` as a factor of states, `[B, T, 1]`. */
function asColumn(x: Value): Value {
  return reshape(x, [...x.shape, 1]);
}

/** The states `[B, T, E]` that leave the layers. */
export function bertBody(root: Scope, c: BertConfig, context: ModelContext): Value {
  const at = root.in(c.names.root);
  const bias = distanceBias(at, c, context);
  return context.throughLayers(embeddings(root, c, context), (x, i) => {
    const path = at.in(c.layerPaths[i] as string);
    const attend = (x: Value): Value =>
      c.long ? longAttention(path.in("attention.self"), x, i, c.long, context) : attention(path, x, c, context, bias);
    return layer(path, x, c, context, attend);
  });
}

/** BERT as a decoder: the head of masked words scores the next one. */
export const bertDecoder: DecoderModel<BertDecoderConfig> = (root, c, context) =>
  context.output(bertBody(root, c, context), (x) => maskedLmHead(root, x, c));

/** BERT and its relatives: post-norm encoders with learned positions (Devlin et al., 2018). */
export const bert: EncoderModel<BertConfig> = (root, c, context) => {
  const hidden = bertBody(root, c, context);
  context.hiddenStates.push(hidden);
  const { dense, act, out } = c.names.sequence;
  const summary = (name = dense, by = act): Value =>
    activation(by)(linear(root.in(name), firstToken(hidden), c.hiddenSize)); // [B, E]
  const { choice } = c.names;
  const read = ["token-classification", "question-answering"].includes(c.head.kind)
    ? context.dropout(hidden, c.classifierDropout)
    : hidden;
  return headOutputs(root, read, c.head, {
    maskedLmHead: () => maskedLmHead(root, hidden, c),
    sequence: () => linear(root.in(out), context.dropout(summary(), c.classifierDropout), c.head.numLabels),
    ...(choice && {
      choice: () =>
        linear(root.in("classifier"), context.dropout(summary(choice.dense, choice.act), c.classifierDropout), 1),
    }),
    replacedTokens: (x) => {
      const at = root.in("discriminator_predictions");
      return linear(at.in("dense_prediction"), activation(c.hiddenAct)(linear(at.in("dense"), x, c.hiddenSize)), 1);
    },
    pooled: c.pooler === undefined ? undefined : () => pooled(root.in(c.pooler as string), hidden, c),
  });
};

/** Scores of every word at every position: `[B, T, V]`. */
function maskedLmHead(root: Scope, x: Value, c: BertConfig): Value {
  const { dense, act = c.hiddenAct, norm } = c.names.words;
  const y = layerNorm(root.in(norm), activation(act)(linear(root.in(dense), x, c.embeddingSize)), c.layerNormEps);
  const scores = linear(root.in(c.words.output), y, c.vocabSize, { bias: false });
  const at = c.words.bias.replace(/\.bias$/, "");
  return add(scores, root.in(at).parameter("bias", [c.vocabSize]));
}

/** The pooler: a base model's summary of the first token's state. */
function pooled(at: Scope, hidden: Value, c: BertConfig): Value {
  return activation("tanh")(linear(at, firstToken(hidden), c.hiddenSize));
}
