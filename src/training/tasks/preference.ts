import { add, IGNORED_LABEL, input, reshape, type Value } from "../../graph/index.ts";
import type { ForwardGraph } from "../../inference/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { type Example, fieldOf, textOf } from "../data/examples.ts";
import { crossEntropy, preferenceLoss, sequenceLogProbability, weighsByMean } from "../objectives/losses.ts";
import { column, doubled, fill, halves, meanLoss, type Parts, type TaskContext, type TokenRow } from "./task-rows.ts";

/** A prompt with an answer, of which only the answer counts; the label of a position is the token after it. */
function answerRow(context: TaskContext, prompt: string, answer: string): TokenRow {
  const { tokenizer, maxLength } = context;
  const eos = tokenizer.specialId("eos_token");
  const asked = prompt === "" ? [] : tokenizer.encode(prompt).ids;
  const said = [...tokenizer.encode(answer, { addSpecialTokens: false }).ids, ...(eos === undefined ? [] : [eos])];
  const ids = [...asked, ...said].slice(-maxLength);
  const first = Math.max(1, ids.length - said.length);
  return {
    ids,
    labels: ids.map((_, t) => (t + 1 >= first && t + 1 < ids.length ? (ids[t + 1] as number) : IGNORED_LABEL)),
  };
}

function pairRow(context: TaskContext, example: Example): TokenRow {
  const { path } = context;
  const prompt =
    fieldOf(example, column(context, "prompt")) === undefined ? "" : textOf(path, example, column(context, "prompt"));
  const [chosen, rejected] = ["chosen", "rejected"].map((name) =>
    answerRow(context, prompt, textOf(path, example, column(context, name))),
  ) as [TokenRow, TokenRow];
  return { ...chosen, other: rejected };
}

export function preference(context: TaskContext): Parts {
  const options = context.preference;
  const needsReference = options.kind !== "orpo" && options.kind !== "simpo";
  const scored = ({ heads }: ForwardGraph): Value => {
    const logits = heads.logits as Value;
    const labels = input("answers", "int64", logits.shape.slice(0, 2));
    return sequenceLogProbability(logits, labels, weighsByMean(options) ? "mean" : "sum"); // [2 B]
  };
  /** The cross entropy of the chosen answers, which ORPO keeps the model at (Hong et al., 2024, equation 6). */
  const likelihood = ({ heads }: ForwardGraph): Value => {
    const [logits] = halves(heads.logits as Value);
    const [rows, length, size] = logits.shape as [number, number, number];
    const [labels] = halves(input("answers", "int64", [2 * rows, length]));
    return crossEntropy(reshape(logits, [rows * length, size]), reshape(labels, [rows * length]));
  };
  return {
    encode: (example) => pairRow(context, example),
    lengthOf: ({ ids, other }) => Math.max(ids.length, other?.ids.length ?? 0),
    build(rows) {
      const inputs = doubled(context, rows);
      const width = inputs.inputIds[0]?.length as number;
      const all = [...rows, ...rows.map(({ other }) => other as TokenRow)];
      const answers = fill(
        context,
        all.map(({ labels }) => labels as number[]),
        IGNORED_LABEL,
        width,
      ).inputIds;
      const vector = (side: 0 | 1): HostTensor => ({
        dtype: "float32",
        shape: [rows.length],
        data: Float32Array.from(rows, ({ reference }) => reference?.[side] ?? 0),
      });
      const matrix: HostTensor = {
        dtype: "int64",
        shape: [all.length, width],
        data: BigInt64Array.from(answers.flat(), BigInt),
      };
      return { ...inputs, extra: { answers: matrix, reference_chosen: vector(0), reference_rejected: vector(1) } };
    },
    count: ({ inputIds }) => inputIds.length / 2,
    measure(results) {
      const margins = results.flatMap(({ rows, result }) => {
        const { data } = result.outputs.answer_scores as HostTensor<"float32">;
        return rows.map(({ reference = [0, 0] }, i) => {
          const margin = (data[i] as number) - (data[i + data.length / 2] as number);
          return needsReference ? margin - (reference[0] - reference[1]) : margin;
        });
      });
      const margin = margins.reduce((sum, x) => sum + x, 0) / Math.max(1, margins.length);
      const accuracy = margins.filter((x) => x > 0).length / Math.max(1, margins.length);
      return { loss: meanLoss(results, ({ inputIds }) => inputIds.length), metrics: { margin, accuracy } };
    },
    graph: {
      objective(pass) {
        const [chosen, rejected] = halves(scored(pass));
        const rows = chosen.shape;
        const of = (side: string): Value => input(`reference_${side}`, "float32", rows);
        const reference = needsReference ? { chosen: of("chosen"), rejected: of("rejected") } : undefined;
        const loss = preferenceLoss(chosen, rejected, reference, options);
        return options.kind === "orpo" ? add(likelihood(pass), loss) : loss;
      },
      outputs: (pass) => ({ answer_scores: scored(pass) }),
    },
  };
}
