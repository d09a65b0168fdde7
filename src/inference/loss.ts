import type { HeadConfig } from "../families/index.ts";
import {
  abs,
  add,
  crossEntropy,
  type Dimension,
  div,
  exp,
  input,
  log,
  mul,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  scalar,
  sub,
  type Value,
} from "../graph/index.ts";

/**
 * The mean cross entropy of next tokens.
 * @param logits `[B, T, V]`
 * @param labels int64 `[B, T]`, already shifted: the label of position t is the token at t + 1
 */
export function languageModelLoss(logits: Value, labels: Value): Value {
  const [batch, length, vocabulary] = logits.shape as [Dimension, Dimension, number];
  const rows = typeof batch === "number" && typeof length === "number" ? batch * length : `${batch}*${length}`;
  return crossEntropy(reshape(logits, [rows, vocabulary]), reshape(labels, [rows]));
}

/**
 * The loss of a head, over the inputs `labels`, or `start_positions` and `end_positions`.
 * @param mask of the tokens, for a head that tells replaced ones
 */
export function headLoss(
  { kind, problem }: HeadConfig,
  outputs: Readonly<Record<string, Value>>,
  mask?: () => Value,
): Value | undefined {
  if (kind === "question-answering") {
    const of = (side: "start" | "end"): Value => {
      const logits = outputs[`${side}_logits`] as Value;
      return crossEntropy(logits, input(`${side}_positions`, "int64", [logits.shape[0] as Dimension]));
    };
    return mul(add(of("start"), of("end")), scalar(0.5));
  }
  const { logits } = outputs;
  if (!logits || kind === "multiple-choice") return undefined; // which rows are one question's is not known here
  const [batch, length] = logits.shape as [Dimension, Dimension];
  if (kind === "lm" || kind === "token-classification")
    return languageModelLoss(logits, input("labels", "int64", [batch, length]));
  if (kind === "replaced-token-detection" && mask) {
    const seen = mask();
    const each = binaryCrossEntropy(logits, input("labels", "float32", [batch, length]));
    return div(reduceSum(mul(each, seen), [0, 1]), reduceSum(seen, [0, 1]));
  }
  if (problem === "single_label_classification") return crossEntropy(logits, input("labels", "int64", [batch]));
  const labels = input("labels", "float32", logits.shape);
  if (problem === "multi_label_classification") return reduceMean(binaryCrossEntropy(logits, labels), [0, 1]);
  const difference = sub(logits, labels);
  return reduceMean(mul(difference, difference), [0, 1]);
}

/** −y log σ(x) − (1 − y) log(1 − σ(x)), in a form that does not overflow. */
function binaryCrossEntropy(x: Value, y: Value): Value {
  return add(sub(relu(x), mul(x, y)), log(add(scalar(1), exp(mul(abs(x), scalar(-1))))));
}
