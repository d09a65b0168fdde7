import { check, type Random } from "../../common/index.ts";
import { IGNORED_LABEL } from "../../graph/index.ts";
import { maskTokens } from "../data/collators.ts";
import { textOf } from "../data/examples.ts";
import type { Batch } from "../run/step-graph.ts";
import { countedLabels } from "./task.ts";
import { column, fill, inputsOf, meanLoss, type Parts, type TaskContext, tokenObjective } from "./task-rows.ts";

export function fillMask(context: TaskContext): Parts {
  const { tokenizer, maxLength, path } = context;
  const maskTokenId = tokenizer.specialId("mask_token");
  check(maskTokenId !== undefined, "config", () => "fill-mask: the tokenizer has no mask token");
  const special = new Set([...tokenizer.encode("").ids, ...tokenizer.specialIds]);
  const count = (batch: Batch): number => countedLabels(batch.labels as number[][]);
  return {
    encode: (example) => ({ ids: tokenizer.encode(textOf(path, example, column(context, "text")), { maxLength }).ids }),
    lengthOf: ({ ids }) => ids.length,
    build(rows, random: Random) {
      const options = { maskTokenId, vocabularySize: tokenizer.vocabularySize };
      const pairs = rows.map(({ ids }) => maskTokens(ids, (id) => special.has(id), options, random));
      const inputs = inputsOf(
        context,
        pairs.map(({ inputIds }) => ({ ids: inputIds })),
      );
      const labels = fill(
        context,
        pairs.map((pair) => pair.labels),
        IGNORED_LABEL,
        inputs.inputIds[0]?.length,
      );
      return { ...inputs, labels: labels.inputIds };
    },
    count,
    measure(results) {
      const loss = meanLoss(results, count);
      return { loss, metrics: { perplexity: Math.exp(loss) } };
    },
    ...tokenObjective(context),
  };
}
