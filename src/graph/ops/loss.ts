import { definePrimitive } from "../op.ts";
import { apply, constant, type Dimension, scalar, shapeError, type TensorType, type Value } from "../value.ts";
import { cast } from "./cast.ts";
import { greaterOrEqual, where } from "./comparison.ts";
import { add, div, exp, mul, neg, sub } from "./elementwise.ts";
import { addAlong, takeAlong } from "./gather.ts";
import { reshape } from "./layout.ts";
import { reduceSum } from "./reduction.ts";
import { logSoftmax } from "./softmax.ts";

/** The label that is not counted. */
export const IGNORED_LABEL = -100;

/** float32 in ONNX. */
const FLOAT = 1;

export const lossOps = {
  crossEntropy: definePrimitive<{ labelSmoothing: number }>({
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
    lower(c, { labelSmoothing }) {
      const attributes = { ignore_index: IGNORED_LABEL, reduction: "mean" };
      const [exact, logProbabilities] = c.emitMany("SoftmaxCrossEntropyLoss", c.inputs, 2, attributes);
      if (labelSmoothing === 0) return [exact, logProbabilities] as string[];
      const number = (value: number): string =>
        c.constant({ dtype: "float32", shape: [], data: Float32Array.of(value) });
      const zero = c.constant({ dtype: "int64", shape: [], data: BigInt64Array.of(0n) });
      const counts = c.emit("Cast", [c.emit("GreaterOrEqual", [c.inputs[1] as string, zero])], { to: FLOAT });
      const sums = c.emit("ReduceSum", [logProbabilities as string, c.int64(1)], { keepdims: 0 }); // [N]
      const total = c.emit("MatMul", [sums, counts]);
      const mean = c.emit("Div", [total, c.emit("ReduceSum", [counts], { keepdims: 0 })]);
      const classes = (c.inputTypes[0] as TensorType).shape[1] as number;
      const smooth = c.emit("Mul", [mean, number(-labelSmoothing / classes)]);
      const own = c.emit("Mul", [exact as string, number(1 - labelSmoothing)]);
      return [c.emit("Add", [own, smooth]), logProbabilities as string];
    },
    gradient({ inputs, outputs, gradients, attributes: { labelSmoothing } }) {
      const [logits, labels] = inputs as [Value, Value];
      const zero = constant({ dtype: "int64", shape: [], data: BigInt64Array.of(0n) });
      const counts = greaterOrEqual(labels, zero);
      const mask = cast(counts, "float32"); // [N]
      const share = reshape(mul(div(mask, reduceSum(mask, [0])), gradients[0] as Value), [
        labels.shape[0] as Dimension,
        1,
      ]);
      const places = reshape(where(counts, labels, zero), share.shape);
      const said = exp(outputs[1] as Value); // [N, V]
      const everywhere = labelSmoothing / (logits.shape[1] as number);
      const residual = labelSmoothing === 0 ? said : sub(said, scalar(everywhere));
      const own = labelSmoothing === 0 ? share : mul(share, scalar(1 - labelSmoothing));
      return [addAlong(mul(residual, share), places, neg(own)), undefined];
    },
  }),
};

/** The reduction of per-row losses: their mean, their sum, or none. */
export type Reduction = "mean" | "sum" | "none";

/** Options of the cross-entropy loss. */
export interface CrossEntropyOptions {
  /** Spread this share of the target over all classes (Szegedy et al., 2016). */
  readonly labelSmoothing?: number;
  /** `[V]`: what each class counts. */
  readonly weight?: Value;
  /** The reduction over rows; default mean. */
  readonly reduction?: Reduction;
}

/**
 * −log softmax(logits)[label], over the labels that are not −100.
 * @param logits `[N, V]`
 * @param labels int64 `[N]`
 */
export function crossEntropy(logits: Value, labels: Value, options: CrossEntropyOptions = {}): Value {
  const { labelSmoothing = 0, weight, reduction = "mean" } = options;
  if (!weight && reduction === "mean")
    return apply(lossOps.crossEntropy, [logits, labels], { labelSmoothing })[0] as Value;
  const [rows, classes] = logits.shape as [Dimension, number];
  const logProbabilities = logSoftmax(logits, -1);
  const { counted, safe } = maskIgnoredLabels(labels);
  const pick = (of: Value): Value => reshape(takeAlong(of, reshape(safe, [rows, 1])), [rows]);
  const spread = (vector: Value): Value => mul(add(mul(logProbabilities, scalar(0)), scalar(1)), vector); // [N, V]
  const own = weight ? mul(pick(spread(weight)), counted) : counted; // [N]
  const exact = mul(neg(pick(logProbabilities)), own);
  const everywhere = neg(reduceSum(weight ? mul(logProbabilities, weight) : logProbabilities, [1]));
  const smooth = mul(mul(everywhere, counted), scalar(labelSmoothing / classes));
  const each = labelSmoothing === 0 ? exact : add(mul(exact, scalar(1 - labelSmoothing)), smooth);
  if (reduction === "none") return each;
  const total = reduceSum(each, [0]);
  return reduction === "sum" ? total : div(total, reduceSum(own, [0]));
}

/** Labels with −100 replaced by a class that exists, and 1 where they count, 0 elsewhere. */
export function maskIgnoredLabels(labels: Value): { counted: Value; safe: Value } {
  const zero = constant({ dtype: "int64", shape: [], data: BigInt64Array.of(0n) });
  const counts = greaterOrEqual(labels, zero);
  return { counted: cast(counts, "float32"), safe: where(counts, labels, zero) };
}
