import {
  abs,
  add,
  constant,
  crossEntropy,
  type Dimension,
  div,
  exp,
  less,
  log,
  logSoftmax,
  maskIgnoredLabels,
  matmul,
  max,
  mul,
  neg,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  scalar,
  slice,
  softmax,
  sqrt,
  sub,
  takeAlong,
  type Value,
  where,
} from "../../graph/index.ts";

export { type CrossEntropyOptions, crossEntropy } from "../../graph/index.ts";

const END = Number.MAX_SAFE_INTEGER;

/** The mean of −Σ target · log softmax(logits); both `[N, V]`. */
export function softCrossEntropy(logits: Value, target: Value): Value {
  return reduceMean(neg(reduceSum(mul(logSoftmax(logits, -1), target), [1])), [0]);
}

/** −log σ(x), exact however large x is. */
function negLogSigmoid(x: Value): Value {
  return add(relu(neg(x)), log(add(scalar(1), exp(neg(abs(x))))));
}

/** The mean of −p y log σ(x) − (1 − y) log(1 − σ(x)). @param positive `[V]`: p, what a positive target counts */
export function binaryCrossEntropy(logits: Value, target: Value, positive?: Value): Value {
  const yes = mul(target, negLogSigmoid(logits));
  const no = mul(sub(scalar(1), target), negLogSigmoid(neg(logits)));
  return meanOfAll(add(positive ? mul(yes, positive) : yes, no));
}

function meanOfAll(x: Value): Value {
  return reduceMean(
    x,
    x.shape.map((_, axis) => axis),
  );
}

/** The mean of (x − y)². */
export function meanSquaredError(x: Value, y: Value): Value {
  const difference = sub(x, y);
  return meanOfAll(mul(difference, difference));
}

/** The mean of ½ d² / β where |d| < β, |d| − ½ β elsewhere (Girshick, 2015). */
export function smoothL1(x: Value, y: Value, beta = 1): Value {
  const size = abs(sub(x, y));
  const near = mul(mul(size, size), scalar(0.5 / beta));
  return meanOfAll(where(less(size, scalar(beta)), near, sub(size, scalar(0.5 * beta))));
}

/** The smallest float32 that the engine does not take for zero. */
const SMALLEST = 2 ** -126;

/** Σ target (log target − log softmax(logits)), the mean over rows. */
export function divergence(logits: Value, target: Value): Value {
  const each = mul(target, sub(log(max(target, scalar(SMALLEST))), logSoftmax(logits, -1)));
  return reduceMean(reduceSum(each, [1]), [0]);
}

/** The distance of a student from its teacher's softened distribution, times T² (Hinton et al., 2015). */
export function distillation(logits: Value, teacher: Value, temperature: number): Value {
  const soft = softmax(mul(teacher, scalar(1 / temperature)), -1);
  return mul(divergence(mul(logits, scalar(1 / temperature)), soft), scalar(temperature ** 2));
}

/** The labels of rows, as positions before them predict them: logits `[B, T−1, V]`, labels `[B, T−1]`. */
function shifted(logits: Value, labels: Value): { logits: Value; labels: Value } {
  return { logits: slice(logits, 1, 0, -1), labels: slice(labels, 1, 1, END) };
}

/** The mean cross entropy of next tokens. @param labels int64 `[B, T]`, not shifted */
export function causalLoss(logits: Value, labels: Value): Value {
  const moved = shifted(logits, labels);
  const [batch, length, size] = moved.logits.shape as [number, number, number];
  return crossEntropy(reshape(moved.logits, [batch * length, size]), reshape(moved.labels, [batch * length]));
}

/**
 * The log-probability of each row's labels.
 * @param logits `[B, T, V]`
 * @param labels int64 `[B, T]`: the label of a position is the token that follows it; −100 is not counted
 * @returns `[B]`
 */
export function sequenceLogProbability(logits: Value, labels: Value, over: "sum" | "mean" = "sum"): Value {
  const [batch, length] = labels.shape as [Dimension, Dimension];
  const { counted, safe } = maskIgnoredLabels(labels);
  const picked = reshape(takeAlong(logSoftmax(logits, -1), reshape(safe, [batch, length, 1])), [batch, length]);
  const sum = reduceSum(mul(picked, counted), [1]);
  return over === "sum" ? sum : div(sum, reduceSum(counted, [1]));
}

/** The kind and the parameters of a preference loss. */
export interface PreferenceOptions {
  /** The loss: DPO (`sigmoid`), hinge, IPO, ORPO or SimPO. */
  readonly kind: "sigmoid" | "hinge" | "ipo" | "ipo_sum" | "orpo" | "simpo";
  /** The strength of the preference. */
  readonly beta: number;
  /** The share of pairs that are taken to be the wrong way round. */
  readonly labelSmoothing?: number;
  /** The target of SimPO's margin. */
  readonly gamma?: number;
}

/** True if a preference is weighed by the mean over a row's labels instead of their sum. */
export function weighsByMean({ kind }: PreferenceOptions): boolean {
  return kind === "ipo" || kind === "orpo" || kind === "simpo";
}

/**
 * The loss of preferring the chosen answers, from the log-probabilities `[B]` of chosen and rejected ones
 * and, but for ORPO and SimPO, those of a frozen reference. Of ORPO's loss this is the term of the odds ratio; the other
 * is the cross entropy of the chosen answers.
 * @see Rafailov et al., "DPO" (2023); Azar et al., "IPO" (2023); Hong et al., "ORPO" (2024); Meng et al., "SimPO" (2024)
 */
export function preferenceLoss(
  chosen: Value,
  rejected: Value,
  reference: { readonly chosen: Value; readonly rejected: Value } | undefined,
  options: PreferenceOptions,
): Value {
  const { kind, beta, labelSmoothing = 0, gamma = 0 } = options;
  const margin = sub(chosen, rejected);
  const ratio = reference ? sub(margin, sub(reference.chosen, reference.rejected)) : margin;
  if (kind === "hinge") return reduceMean(relu(sub(scalar(1), mul(ratio, scalar(beta)))), [0]);
  if (kind === "ipo" || kind === "ipo_sum") {
    const miss = sub(ratio, scalar(1 / (2 * beta)));
    return reduceMean(mul(miss, miss), [0]);
  }
  if (kind === "orpo") {
    const against = (of: Value): Value => log(sub(scalar(1), exp(of)));
    const odds = sub(margin, sub(against(chosen), against(rejected)));
    return mul(reduceMean(negLogSigmoid(odds), [0]), scalar(beta));
  }
  const weighed = mul(ratio, scalar(beta));
  const scaled = kind === "simpo" ? sub(weighed, scalar(gamma)) : weighed;
  const right = negLogSigmoid(scaled);
  if (labelSmoothing === 0) return reduceMean(right, [0]);
  const mixed = add(mul(right, scalar(1 - labelSmoothing)), mul(negLogSigmoid(neg(scaled)), scalar(labelSmoothing)));
  return reduceMean(mixed, [0]);
}

/** −log σ(chosen − rejected − margin) of rewards `[B]` (Bradley and Terry, 1952; Ouyang et al., 2022). */
export function rewardLoss(chosen: Value, rejected: Value, margin?: Value): Value {
  const difference = sub(chosen, rejected);
  return reduceMean(negLogSigmoid(margin ? sub(difference, margin) : difference), [0]);
}

/**
 * Each text's own partner against all others of the batch: cross entropy of scaled cosines (Henderson et al., 2017).
 * @param left `[B, E]`; `right` likewise, row by row its partner
 */
export function contrastiveLoss(left: Value, right: Value, scale = 20): Value {
  const rows = left.shape[0] as number;
  const unit = (x: Value): Value => div(x, sqrt(add(reduceSum(mul(x, x), [1], true), scalar(1e-12))));
  const scores = matmul(unit(left), unit(right), { transposeB: true, alpha: scale }); // [B, B]
  const own = constant({
    dtype: "int64",
    shape: [rows],
    data: BigInt64Array.from({ length: rows }, (_, i) => BigInt(i)),
  });
  return crossEntropy(scores, own);
}
