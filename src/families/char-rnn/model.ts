import { gateCount, recurrence, type Value } from "../../graph/index.ts";
import { embedding, linear, type Scope } from "../../nn/index.ts";
import type { RecurrentModel, RecurrentState } from "../family.ts";
import type { CharRnnConfig } from "./config.ts";

/** One layer over the whole sequence: `[B, T, I]` → `[B, T, H]`. */
function layer(
  at: Scope,
  x: Value,
  c: CharRnnConfig,
  index: number,
  state: RecurrentState,
): { x: Value; state: RecurrentState } {
  const rows = gateCount[c.cell] * c.hiddenSize;
  const weights = {
    input: at.parameter(`weight_ih_l${index}`, [rows, x.shape[2] as number]),
    state: at.parameter(`weight_hh_l${index}`, [rows, c.hiddenSize]),
    inputBias: at.parameter(`bias_ih_l${index}`, [rows]),
    stateBias: at.parameter(`bias_hh_l${index}`, [rows]),
  };
  const { states, hidden, memory } = recurrence(c.cell, x, weights, state);
  return { x: states, state: { hidden, memory } };
}

/** A recurrent language model, as torch's modules name its weights: embedding, layers of cells, linear. */
export const charRnn: RecurrentModel<CharRnnConfig> = (root, c, inputIds, before, dropout) => {
  let x = embedding(root.in("embedding"), inputIds, c.vocabSize, c.embeddingSize); // [B, T, I]
  const hiddenStates = [x];
  const after = before.map((state, i) => {
    const read = i > 0 && dropout ? dropout(x, c.dropout) : x;
    const done = layer(root.in("rnn"), read, c, i, state);
    x = done.x;
    hiddenStates.push(x);
    return done.state;
  });
  const head = root.in(c.tieWordEmbeddings ? "embedding" : "linear");
  return {
    hidden: x,
    logits: (x) => linear(head, x, c.vocabSize, { bias: !c.tieWordEmbeddings }),
    states: after,
    hiddenStates,
  };
};
