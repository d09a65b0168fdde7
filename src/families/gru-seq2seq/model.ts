import {
  add,
  concat,
  type Dimension,
  expand,
  matmul,
  mul,
  recurrence,
  reduceSum,
  reshape,
  softmax,
  takeAlong,
  tanh,
  transpose,
  type Value,
  zerosLike,
} from "../../graph/index.ts";
import { embedding, linear, type Scope } from "../../nn/index.ts";
import type { RecurrentEncoderDecoderModel, SourceRows } from "../family.ts";
import type { GruSeq2SeqConfig } from "./config.ts";

/** A layer of gated recurrent units by torch's names: all its states, and the last. */
function gru(at: Scope, x: Value, size: number, first: Value, suffix = ""): { states: Value; hidden: Value } {
  const weights = {
    input: at.parameter(`weight_ih_l0${suffix}`, [3 * size, x.shape[2] as number]),
    state: at.parameter(`weight_hh_l0${suffix}`, [3 * size, size]),
    inputBias: at.parameter(`bias_ih_l0${suffix}`, [3 * size]),
    stateBias: at.parameter(`bias_hh_l0${suffix}`, [3 * size]),
  };
  return recurrence("gru", x, weights, { hidden: first, memory: first });
}

/** Each row with its own tokens in reverse, padding where it was: `[B, S, E]`. */
function reversed(x: Value, { reverse }: SourceRows): Value {
  const [batch, length, size] = x.shape as [Dimension, Dimension, number];
  const places = expand(reshape(reverse, [batch, 1, length]), [batch, size, length]);
  return transpose(takeAlong(transpose(x, [0, 2, 1]), places), [0, 2, 1]);
}

/** The state after each row's own last token: `[B, S, H]` → `[B, H]`. */
function lastState(states: Value, { last }: SourceRows): Value {
  const [batch, length] = states.shape as [Dimension, Dimension];
  return reduceSum(mul(states, reshape(last, [batch, length, 1])), [1]);
}

/** Weights over the source `[B, 1, S]`, and what they bring together `[B, M]`. */
function attend(scores: Value, memory: Value, bias: Value): { weights: Value; brought: Value } {
  const [batch, , size] = memory.shape as [Dimension, Dimension, number];
  const weights = softmax(add(scores, bias), -1);
  return { weights, brought: reshape(matmul(weights, memory), [batch, size]) };
}

/** A sequence-to-sequence model of gated recurrent units whose decoder attends to the encoder's states. */
export const gruSeq2Seq: RecurrentEncoderDecoderModel<GruSeq2SeqConfig> = {
  readsBackwards: (c) => c.isBidirectional,

  encode(root, c, ids, rows) {
    const x = embedding(root.in("source_embedding"), ids, c.vocabSize, c.embeddingSize, c.padTokenId); // [B, S, I]
    const [batch, length] = x.shape as [Dimension, Dimension];
    const size = c.isBidirectional ? c.hiddenSize / 2 : c.hiddenSize;
    const zeros = zerosLike({ dtype: "float32", shape: [batch, size] });
    const real = reshape(rows.mask, [batch, length, 1]);
    const forward = mul(gru(root.in("encoder"), x, size, zeros).states, real);
    const ended = lastState(forward, rows);
    if (!c.isBidirectional) return { memory: forward, state: ended };
    const turned = gru(root.in("encoder"), reversed(x, rows), size, zeros, "_reverse").states;
    const backward = mul(reversed(turned, rows), real);
    const begun = lastState(mul(turned, real), rows);
    const state = tanh(linear(root.in("bridge"), concat([ended, begun], -1), c.hiddenSize));
    return { memory: concat([forward, backward], -1), state };
  },

  step(root, c, ids, state, memory, bias) {
    const [batch, , memorySize] = memory.shape as [Dimension, Dimension, number];
    const token = embedding(root.in("target_embedding"), ids, c.vocabSize, c.embeddingSize, c.padTokenId); // [B, 1, I]
    const cell = root.in("decoder");
    const row = (x: Value, size: number): Value => reshape(x, [batch, 1, size]);
    if (c.attention === "bahdanau") {
      const query = row(linear(root.in("query"), state, c.hiddenSize, { bias: false }), c.hiddenSize);
      const keys = linear(root.in("key"), memory, c.hiddenSize, { bias: false }); // [B, S, H]
      const scores = linear(root.in("score"), tanh(add(query, keys)), 1, { bias: false }); // [B, S, 1]
      const { weights, brought } = attend(transpose(scores, [0, 2, 1]), memory, bias);
      const { hidden } = gru(cell, concat([token, row(brought, memorySize)], -1), c.hiddenSize, state);
      return { logits: linear(root.in("output"), hidden, c.vocabSize), state: hidden, weights };
    }
    const { hidden } = gru(cell, token, c.hiddenSize, state);
    const scores = matmul(row(hidden, c.hiddenSize), memory, { transposeB: true }); // [B, 1, S]
    const { weights, brought } = attend(scores, memory, bias);
    const combined = tanh(linear(root.in("combine"), concat([brought, hidden], -1), c.hiddenSize));
    return { logits: linear(root.in("output"), combined, c.vocabSize), state: hidden, weights };
  },
};
