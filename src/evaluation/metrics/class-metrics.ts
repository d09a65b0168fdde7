import { check } from "../../common/index.ts";

/** A right class, and the class that was predicted. */
export type ClassPair = readonly [right: string | number, said: string | number];

/** The mean over classes: of all decisions, of classes alike, or of classes by their number of items. */
export type F1Average = "micro" | "macro" | "weighted";

interface Counts {
  right: number;
  said: number;
  both: number;
}

function countsOf(pairs: readonly ClassPair[]): ReadonlyMap<string | number, Counts> {
  const counts = new Map<string | number, Counts>();
  const of = (label: string | number): Counts => {
    const own = counts.get(label) ?? { right: 0, said: 0, both: 0 };
    counts.set(label, own);
    return own;
  };
  for (const [right, said] of pairs) {
    of(right).right++;
    of(said).said++;
    if (right === said) of(right).both++;
  }
  return counts;
}

const f1Of = ({ right, said, both }: Counts): number => (right + said === 0 ? 0 : (2 * both) / (right + said));

/** The F1 score over the classes that are right or predicted somewhere, as scikit-learn's `f1_score`; 0 for no pair. */
export function f1Score(pairs: readonly ClassPair[], average: F1Average): number {
  const counts = [...countsOf(pairs).values()];
  if (counts.length === 0) return 0;
  const sum = (of: (own: Counts) => number): number => counts.reduce((total, own) => total + of(own), 0);
  if (average === "micro")
    return f1Of({ right: sum((c) => c.right), said: sum((c) => c.said), both: sum((c) => c.both) });
  if (average === "macro") return sum(f1Of) / counts.length;
  return sum((own) => own.right * f1Of(own)) / pairs.length;
}

/** The F1 score of one class; 0 where it is neither right nor predicted anywhere. */
export function f1OfClass(pairs: readonly ClassPair[], label: string | number): number {
  return f1Of(countsOf(pairs).get(label) ?? { right: 0, said: 0, both: 0 });
}

/**
 * Matthews' correlation coefficient, from −1 to 1, of two or more classes (Gorodkin, 2004); 0 where all pairs have one
 * right or one predicted class.
 */
export function matthewsCorrelation(pairs: readonly ClassPair[]): number {
  const counts = [...countsOf(pairs).values()];
  const sum = (of: (own: Counts) => number): number => counts.reduce((total, own) => total + of(own), 0);
  const [size, both] = [pairs.length, sum((own) => own.both)];
  const covariance = both * size - sum((own) => own.right * own.said);
  const spread = (size ** 2 - sum((own) => own.said ** 2)) * (size ** 2 - sum((own) => own.right ** 2));
  return spread === 0 ? 0 : covariance / Math.sqrt(spread);
}

/**
 * The expected calibration error: Σ over bins of the share of predictions × |accuracy − mean confidence|, in bins of equal
 * width (Guo et al., 2017).
 *
 * @param predictions the probability of each predicted class, from 0 to 1, and whether it is right
 * @param bins default 15
 */
export function expectedCalibrationError(
  predictions: readonly (readonly [confidence: number, isRight: boolean])[],
  bins = 15,
): number {
  check(
    predictions.every(([confidence]) => confidence >= 0 && confidence <= 1 + 1e-9),
    "usage",
    () => "expected calibration error: confidences must lie from 0 to 1",
  );
  const sums = Array.from({ length: bins }, () => ({ confidence: 0, right: 0 }));
  for (const [confidence, isRight] of predictions) {
    const own = sums[Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1))];
    if (!own) continue;
    own.confidence += confidence;
    own.right += Number(isRight);
  }
  return sums.reduce((total, own) => total + Math.abs(own.right - own.confidence), 0) / Math.max(1, predictions.length);
}
