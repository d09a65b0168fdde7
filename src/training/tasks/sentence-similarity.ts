import { LecternError } from "../../common/index.ts";
import { type Dimension, div, input, mul, reduceSum, reshape, type Value } from "../../graph/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { textOf } from "../data/examples.ts";
import { contrastiveLoss } from "../objectives/losses.ts";
import { column, doubled, halves, meanLoss, type Parts, type TaskContext, type TokenRow } from "./task-rows.ts";

/** The mean of each row's states: `[B, T, E]`, mask `[B, T]` → `[B, E]`. */
function meanState(states: Value, mask: Value): Value {
  const [batch, length] = mask.shape as [Dimension, Dimension];
  const sum = reduceSum(mul(states, reshape(mask, [batch, length, 1])), [1]);
  return div(sum, reduceSum(mask, [1], true));
}

export function sentenceSimilarity(context: TaskContext): Parts {
  const { tokenizer, maxLength, path } = context;
  const encode = (text: string): TokenRow => ({ ids: tokenizer.encode(text, { maxLength }).ids });
  return {
    encode: (example) => ({
      ...encode(textOf(path, example, column(context, "text1"))),
      other: encode(textOf(path, example, column(context, "text2"))),
    }),
    lengthOf: ({ ids, other }) => Math.max(ids.length, other?.ids.length ?? 0),
    build(rows) {
      const inputs = doubled(context, rows);
      const mask = inputs.attentionMask as number[][];
      const pooled: HostTensor = {
        dtype: "float32",
        shape: [mask.length, mask[0]?.length as number],
        data: Float32Array.from(mask.flat()),
      };
      return { ...inputs, extra: { pooled_tokens: pooled } };
    },
    count: ({ inputIds }) => inputIds.length / 2,
    measure: (results) => ({ loss: meanLoss(results, ({ inputIds }) => inputIds.length), metrics: {} }),
    graph: {
      objective({ heads }) {
        const states = heads.last_hidden_state;
        if (!states) throw new LecternError("usage", "sentence-similarity needs an encoder without a head");
        const mask = input("pooled_tokens", "float32", states.shape.slice(0, 2));
        return contrastiveLoss(...halves(meanState(states, mask)));
      },
    },
  };
}
