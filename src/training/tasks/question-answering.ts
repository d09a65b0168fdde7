import type { HostTensor } from "../../tensor/index.ts";
import type { Example } from "../data/examples.ts";
import { answerWindows, readAskedText } from "../data/qa-windows.ts";
import type { Batch } from "../run/step-graph.ts";
import type { Measured } from "./example-task.ts";
import {
  argmaxOfRow,
  column,
  entry,
  inputsOf,
  meanLoss,
  type Parts,
  type TaskContext,
  type TokenRow,
  tellRow,
} from "./task-rows.ts";

/** A model's answer in a window, and its score; undefined where there is none. */
interface SeenAnswer {
  readonly isRight: boolean;
  readonly score: number | undefined;
}

function seenAnswer(
  { ids, labels }: TokenRow,
  outputs: Measured<TokenRow>["result"]["outputs"],
  row: number,
): SeenAnswer {
  const sides = (["start_logits", "end_logits"] as const).map((name) => outputs[name] as HostTensor<"float32">);
  const [start, end] = sides.map((logits) => argmaxOfRow(logits, row, ids.length)) as [number, number];
  const [first, last] = sides as [HostTensor<"float32">, HostTensor<"float32">];
  return {
    isRight: start === labels?.[0] && end === labels?.[1],
    score: start > 0 && end >= start ? entry(first, row, start) + entry(last, row, end) : undefined,
  };
}

/** True if the windows of an example agree on its answer: that of the one which is surest of one, else none in any. */
function isAnswered(windows: readonly SeenAnswer[]): boolean {
  const seen = windows.filter(({ score }) => score !== undefined);
  if (seen.length === 0) return windows.every(({ isRight }) => isRight);
  return seen.reduce((best, each) => ((each.score as number) > (best.score as number) ? each : best)).isRight;
}

export function questionAnswering(context: TaskContext): Parts {
  const { tokenizer, path } = context;
  const count = ({ inputIds, startPositions }: Batch): number =>
    (startPositions as readonly number[]).filter((at) => at < (inputIds[0]?.length ?? 0)).length;
  return {
    encode(example) {
      const asked = readAskedText(path, example, (name) => column(context, name));
      const windows = tellRow(path, example, () => answerWindows(tokenizer, asked, context));
      return windows.map((window) => ({ ...window, example }));
    },
    lengthOf: ({ ids }) => ids.length,
    build: (rows) => ({
      ...inputsOf(context, rows),
      startPositions: rows.map(({ labels }) => labels?.[0] as number),
      endPositions: rows.map(({ labels }) => labels?.[1] as number),
    }),
    count,
    measure(results) {
      const examples = new Map<Example | undefined, SeenAnswer[]>();
      for (const { rows, result } of results)
        for (const [i, row] of rows.entries()) {
          const windows = examples.get(row.example) ?? [];
          examples.set(row.example, windows);
          windows.push(seenAnswer(row, result.outputs, i));
        }
      const exact = [...examples.values()].filter(isAnswered).length;
      return { loss: meanLoss(results, count), metrics: { exactMatch: exact / Math.max(1, examples.size) } };
    },
    graph: { outputs: ({ heads }) => heads },
  };
}
