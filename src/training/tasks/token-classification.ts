import { check, shown } from "../../common/index.ts";
import { classScores } from "../../evaluation/index.ts";
import { IGNORED_LABEL } from "../../graph/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { type Example, fieldOf } from "../data/examples.ts";
import type { Batch } from "../run/step-graph.ts";
import { countedLabels } from "./task.ts";
import {
  argmaxOfRow,
  classOf,
  column,
  fill,
  inputsOf,
  meanLoss,
  type Parts,
  type TaskContext,
  tokenObjective,
} from "./task-rows.ts";

/** A list of texts of an example. */
function listOf(example: Example, path: string, name: string): string[] {
  const value = fieldOf(example, name);
  check(
    Array.isArray(value) && value.every((item) => typeof item === "string"),
    "input",
    () => `${path}, row ${example.row}: ${name} must be a list of texts; got ${shown(value)}`,
  );
  return value as string[];
}

export function tokenClassification(context: TaskContext): Parts {
  const { tokenizer, maxLength, labels, path } = context;
  const [first, last] = tokenizer.encode("").ids;
  const count = (batch: Batch): number => countedLabels(batch.labels as number[][]);
  return {
    encode(example) {
      const words = listOf(example, path, column(context, "tokens"));
      const tags = listOf(example, path, column(context, "tags"));
      check(
        words.length === tags.length,
        "input",
        () => `${path}, row ${example.row}: ${words.length} tokens but ${tags.length} tags`,
      );
      const classes = tags.map((tag) => classOf(context, example, tag));
      const pieces = words.map((word, i) => {
        const { ids } = tokenizer.encode(i === 0 ? word : ` ${word}`, { addSpecialTokens: false });
        return ids.map((id, j) => [id, j === 0 ? (classes[i] as number) : IGNORED_LABEL] as const);
      });
      const inner = pieces.flat().slice(0, maxLength - 2);
      const outer = (id: number | undefined) => (id === undefined ? [] : [[id, IGNORED_LABEL] as const]);
      const all = [...outer(first), ...inner, ...outer(last)];
      return { ids: all.map(([id]) => id), labels: all.map(([, label]) => label) };
    },
    lengthOf: ({ ids }) => ids.length,
    build(rows) {
      const inputs = inputsOf(context, rows);
      const width = inputs.inputIds[0]?.length as number;
      const filled = fill(
        context,
        rows.map((row) => row.labels as number[]),
        IGNORED_LABEL,
        width,
      );
      return { ...inputs, labels: filled.inputIds };
    },
    count,
    measure(results) {
      const pairs = results.flatMap(({ rows, result }) => {
        const { data, shape } = result.outputs.logits as HostTensor<"float32">;
        const [, length, size] = shape as [number, number, number];
        const flat: HostTensor<"float32"> = { dtype: "float32", shape: [data.length / size, size], data };
        return rows.flatMap((row, i) =>
          (row.labels as number[]).flatMap((label, t) =>
            label < 0 ? [] : [[label, argmaxOfRow(flat, i * length + t, size)] as const],
          ),
        );
      });
      return { loss: meanLoss(results, count), ...classScores(pairs, labels) };
    },
    graph: { ...tokenObjective(context).graph, outputs: ({ heads }) => heads },
  };
}
