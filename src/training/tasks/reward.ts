import { reshape, type Value } from "../../graph/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { fieldOf, textOf } from "../data/examples.ts";
import { rewardLoss } from "../objectives/losses.ts";
import { column, doubled, halves, meanLoss, type Parts, type TaskContext, type TokenRow } from "./task-rows.ts";

export function reward(context: TaskContext): Parts {
  return {
    encode: (example) => {
      const { path, tokenizer, maxLength } = context;
      const prompt = fieldOf(example, column(context, "prompt"));
      const encode = (name: string): TokenRow => {
        const answer = textOf(path, example, column(context, name));
        const { ids, typeIds } =
          typeof prompt === "string"
            ? tokenizer.encode(prompt, { pair: answer, maxLength })
            : tokenizer.encode(answer, { maxLength });
        return { ids, typeIds };
      };
      return { ...encode("chosen"), other: encode("rejected") };
    },
    lengthOf: ({ ids, other }) => Math.max(ids.length, other?.ids.length ?? 0),
    build: (rows) => doubled(context, rows),
    count: ({ inputIds }) => inputIds.length / 2,
    measure(results) {
      const margins = results.flatMap(({ rows, result }) => {
        const { data } = result.outputs.logits as HostTensor<"float32">;
        return rows.map((_, i) => (data[i] as number) - (data[i + data.length / 2] as number));
      });
      const accuracy = margins.filter((x) => x > 0).length / Math.max(1, margins.length);
      return { loss: meanLoss(results, ({ inputIds }) => inputIds.length), metrics: { accuracy } };
    },
    graph: {
      objective({ heads }) {
        const logits = heads.logits as Value;
        return rewardLoss(...halves(reshape(logits, [logits.shape[0] as number])));
      },
      outputs: ({ heads }) => heads,
    },
  };
}
