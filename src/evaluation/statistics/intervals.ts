import { check, normalQuantile, Random } from "../../common/index.ts";

/** A lower and an upper bound. */
export type Interval = readonly [low: number, high: number];

const quantileOf = (confidence: number): number => normalQuantile(0.5 + confidence / 2);

/**
 * An interval of a share of items (Wilson, 1927), whose coverage is near its confidence for any share and number of items.
 *
 * @param confidence default 0.95
 */
export function shareInterval(successes: number, size: number, confidence = 0.95): Interval {
  check(
    size > 0 && successes >= 0 && successes <= size,
    "usage",
    () => `interval: expected from 0 to all items, and one at least; got ${successes} of ${size}`,
  );
  const z = quantileOf(confidence);
  const share = successes / size;
  const centre = (share + z ** 2 / (2 * size)) / (1 + z ** 2 / size);
  const half = (z / (1 + z ** 2 / size)) * Math.sqrt((share * (1 - share)) / size + z ** 2 / (4 * size ** 2));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/** An interval of a mean by the normal distribution: mean ± z · standard error. @param confidence default 0.95 */
export function meanInterval(mean: number, stderr: number, confidence = 0.95): Interval {
  const half = quantileOf(confidence) * stderr;
  return [mean - half, mean + half];
}

/** The mean of values. */
export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** The standard error of a mean: sample deviation / √n. */
export function standardError(values: readonly number[]): number {
  const mean = meanOf(values);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1) / values.length);
}

/**
 * The standard error of a mean over items that come in clusters, such as questions about one text (Miller, 2024, eq. 4):
 * the square of the plain one plus Σ over pairs within a cluster of the products of their deviations / n².
 *
 * @param clusters of each value, its cluster
 */
export function clusteredError(values: readonly number[], clusters: readonly unknown[]): number {
  const mean = meanOf(values);
  const sums = new Map<unknown, { sum: number; squares: number }>();
  for (const [i, value] of values.entries()) {
    const own = sums.get(clusters[i]) ?? { sum: 0, squares: 0 };
    own.sum += value - mean;
    own.squares += (value - mean) ** 2;
    sums.set(clusters[i], own);
  }
  const within = [...sums.values()].reduce((total, { sum, squares }) => total + sum ** 2 - squares, 0);
  return Math.sqrt(Math.max(0, standardError(values) ** 2 + within / values.length ** 2));
}

/** Options of a bootstrap. */
export interface BootstrapOptions {
  /** Default 10,000. */
  readonly resamples?: number | undefined;
  /** Default 0. */
  readonly seed?: number | undefined;
  /** Default 0.95. */
  readonly confidence?: number | undefined;
  /** Of each value, its cluster: clusters are drawn instead of values. */
  readonly clusters?: readonly unknown[] | undefined;
}

/** An interval of the mean of values, such as differences of pairs, from the quantiles of resampled means. */
export function bootstrapInterval(values: readonly number[], options: BootstrapOptions = {}): Interval {
  const { resamples = 10_000, seed = 0, confidence = 0.95, clusters } = options;
  const groups = new Map<unknown, { sum: number; count: number }>();
  for (const [i, value] of values.entries()) {
    const own = groups.get(clusters ? clusters[i] : i) ?? { sum: 0, count: 0 };
    own.sum += value;
    own.count++;
    groups.set(clusters ? clusters[i] : i, own);
  }
  const units = [...groups.values()];
  const random = new Random(seed);
  const means = Array.from({ length: resamples }, () => {
    let [sum, count] = [0, 0];
    for (let i = 0; i < units.length; i++) {
      const own = units[Math.floor(random.next() * units.length)] as { sum: number; count: number };
      sum += own.sum;
      count += own.count;
    }
    return sum / count;
  }).sort((a, b) => a - b);
  const at = (share: number): number => means[Math.min(resamples - 1, Math.floor(share * resamples))] as number;
  return [at((1 - confidence) / 2), at((1 + confidence) / 2)];
}

/** Parameters of planning a comparison of two models. */
export interface Plan {
  /** The number of items. */
  readonly items: number;
  /** The expected accuracy of both models; default 0.5, the hardest case. */
  readonly accuracy?: number | undefined;
  /** The correlation of the models' scores over items; default 0.5. */
  readonly correlation?: number | undefined;
  /** The probability that the difference is detected; default 0.8. */
  readonly power?: number | undefined;
  /** The level of the two-sided test; default 0.05. */
  readonly alpha?: number | undefined;
}

/**
 * The smallest difference of accuracy that a paired comparison detects (Miller, 2024, eq. 9):
 * (z₁₋α⁄₂ + z_power) · √(2 p (1 − p) (1 − ρ) / n).
 */
export function detectableDifference(plan: Plan): number {
  const { items, accuracy = 0.5, correlation = 0.5, power = 0.8, alpha = 0.05 } = plan;
  const variance = 2 * accuracy * (1 - accuracy) * (1 - correlation);
  return (normalQuantile(1 - alpha / 2) + normalQuantile(power)) * Math.sqrt(variance / items);
}
