import { IGNORED_LABEL } from "../../graph/index.ts";
import { type Example, fieldOf, textOf } from "../data/examples.ts";
import type { Batch } from "../run/step-graph.ts";
import { countedLabels } from "./task.ts";
import { column, fill, inputsOf, meanLoss, type Parts, type TaskContext, tokenObjective } from "./task-rows.ts";

export function textToText(context: TaskContext): Parts {
  const { tokenizer, architecture, maxLength, path, prefix } = context;
  const count = (batch: Batch): number => countedLabels(batch.labels as number[][]);
  const prefixOf = (example: Example): string => {
    const own = fieldOf(example, column(context, "prefix"));
    return typeof own === "string" ? own : prefix;
  };
  return {
    encode: (example) => ({
      ids: tokenizer.encode(prefixOf(example) + textOf(path, example, column(context, "source")), { maxLength }).ids,
      labels: tokenizer.encode(textOf(path, example, column(context, "target")), {
        maxLength: Math.min(maxLength, architecture.config.maxPositionEmbeddings),
      }).ids,
    }),
    lengthOf: ({ ids, labels }) => Math.max(ids.length, labels?.length ?? 0),
    build(rows) {
      const labels = fill(
        context,
        rows.map((row) => row.labels as number[]),
        IGNORED_LABEL,
      );
      return { ...inputsOf(context, rows), labels: labels.inputIds };
    },
    count,
    measure(results) {
      const loss = meanLoss(results, count);
      return { loss, metrics: { perplexity: Math.exp(loss) } };
    },
    ...tokenObjective(context),
  };
}
