import { definePrimitive } from "../op.ts";
import { apply, constant, type Dimension, shapeError, type TensorType, type Value } from "../value.ts";
import { cast } from "./cast.ts";
import { greaterOrEqual, where } from "./comparison.ts";
import { div, exp, mul, neg } from "./elementwise.ts";
import { addAlong } from "./gather.ts";
import { reshape } from "./layout.ts";
import { reduceSum } from "./reduction.ts";

/** The label that is not counted. */
export const IGNORED_LABEL = -100;

export const lossOps = {
  crossEntropy: definePrimitive<object>({
    name: "crossEntropy",
    infer([logits, labels]) {
      const [scores, targets] = [logits, labels] as [TensorType, TensorType];
      const fits =
        scores.shape.length === 2 &&
        targets.shape.length === 1 &&
        scores.shape[0] === targets.shape[0] &&
        targets.dtype === "int64";
      if (!fits) throw shapeError("crossEntropy", "logits [N, V] and int64 labels [N]", scores, targets);
      return [{ dtype: scores.dtype, shape: [] }, scores];
    },
    lower: (c) =>
      c.emitMany("SoftmaxCrossEntropyLoss", c.inputs, 2, { ignore_index: IGNORED_LABEL, reduction: "mean" }),
    gradient({ inputs, outputs, gradients }) {
      const labels = inputs[1] as Value;
      const zero = constant({ dtype: "int64", shape: [], data: BigInt64Array.of(0n) });
      const counts = greaterOrEqual(labels, zero);
      const mask = cast(counts, "float32"); // [N]
      const share = reshape(mul(div(mask, reduceSum(mask, [0])), gradients[0] as Value), [
        labels.shape[0] as Dimension,
        1,
      ]);
      const places = reshape(where(counts, labels, zero), share.shape);
      return [addAlong(mul(exp(outputs[1] as Value), share), places, neg(share)), undefined];
    },
  }),
};

/**
 * The mean of −log softmax(logits)[label] over the labels that are not −100.
 * @param logits `[N, V]`
 * @param labels int64 `[N]`
 */
export function crossEntropy(logits: Value, labels: Value): Value {
  return apply(lossOps.crossEntropy, [logits, labels], {})[0] as Value;
}
