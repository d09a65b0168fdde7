import { classScores } from "../../evaluation/index.ts";
import { constant, input, type Value } from "../../graph/index.ts";
import type { ForwardGraph } from "../../inference/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { fieldOf, textOf } from "../data/examples.ts";
import { crossEntropy, softCrossEntropy } from "../objectives/losses.ts";
import type { Batch } from "../run/step-graph.ts";
import {
  argmaxOfRow,
  classOf,
  column,
  inputsOf,
  meanLoss,
  type Parts,
  type TaskContext,
  type TokenRow,
} from "./task-rows.ts";

export function classification(context: TaskContext): Parts {
  const { tokenizer, maxLength, labels, path, labelSmoothing, classWeights, taught = false } = context;
  // A mean over classes of unlike weight is divided by the weights of its labels, so a batch counts by them.
  const weightOf = (label: number): number => (label < 0 ? 0 : ((taught ? undefined : classWeights)?.[label] ?? 1));
  const count = ({ labels }: Batch): number =>
    (labels as readonly number[]).reduce((sum, label) => sum + weightOf(label), 0);
  const targets = (rows: readonly TokenRow[]): HostTensor => ({
    dtype: "float32",
    shape: [rows.length, labels.length],
    data: Float32Array.from(
      rows.flatMap(({ label, probabilities }) => probabilities ?? labels.map((_, i) => +(i === label))),
    ),
  });
  return {
    encode(example) {
      const { probabilities } = example.fields as { probabilities?: readonly number[] };
      const label = classOf(context, example, textOf(path, example, column(context, "label")));
      const second = fieldOf(example, column(context, "text2"));
      const text = textOf(path, example, column(context, "text"));
      const { ids, typeIds } = tokenizer.encode(text, {
        maxLength,
        ...(typeof second === "string" && { pair: second }),
      });
      return { ids, typeIds, label, probabilities };
    },
    lengthOf: ({ ids }) => ids.length,
    build: (rows) => ({
      ...inputsOf(context, rows),
      labels: rows.map(({ label }) => label as number),
      ...(taught && { extra: { targets: targets(rows) } }),
    }),
    count,
    measure(results) {
      const pairs = results.flatMap(({ rows, result }) =>
        rows.map(
          ({ label }, i) =>
            [label as number, argmaxOfRow(result.outputs.logits as HostTensor<"float32">, i, labels.length)] as const,
        ),
      );
      return { loss: meanLoss(results, count), ...classScores(pairs, labels) };
    },
    graph: {
      outputs: ({ heads }) => heads,
      ...(taught && {
        objective: ({ heads }: ForwardGraph) => {
          const logits = heads.logits as Value;
          return softCrossEntropy(logits, input("targets", "float32", logits.shape));
        },
      }),
      ...(!taught &&
        (labelSmoothing > 0 || classWeights) && {
          objective: ({ heads, labels: wanted }: ForwardGraph) =>
            crossEntropy(heads.logits as Value, wanted as Value, {
              labelSmoothing,
              ...(classWeights && {
                weight: constant({
                  dtype: "float32",
                  shape: [classWeights.length],
                  data: Float32Array.from(classWeights),
                }),
              }),
            }),
        }),
    },
  };
}
