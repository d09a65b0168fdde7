import { bleu, chrf, expectedCalibrationError, type F1Average, f1Score, type References } from "../metrics/index.ts";
import { PythonRandom } from "../python/mersenne.ts";

/** A metric over all items, of those at `picked` places. */
type Statistic = (picked: ArrayLike<number>) => number;

/** A way to make one number of the values of all items. */
export interface Aggregation {
  /** Prepares the values, so that a statistic over many resamples of them is cheap. */
  readonly prepare: (values: readonly unknown[], options: Readonly<Record<string, unknown>>) => Statistic;
  /** The standard error: of a mean, by so many bootstrap resamples at most, or none. */
  readonly error: "mean" | "none" | { readonly resamples: number };
  /** The bounds of the metric; undefined where it has none, or the bounds of its values. */
  readonly range?: readonly [least: number, most: number];
}

/** The number of resamples of the bootstrap, as by lm-evaluation-harness. */
export const BOOTSTRAP_RESAMPLES = 100_000;

const sumOf = (values: ArrayLike<number>, picked: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < picked.length; i++) sum += values[picked[i] as number] as number;
  return sum;
};

const meanOf =
  (values: readonly unknown[]): Statistic =>
  (picked) =>
    sumOf(values as readonly number[], picked) / picked.length;

/** The sum of the first parts over the sum of the second ones. */
const weightedMean = (values: readonly unknown[]): Statistic => {
  const pairs = values as readonly (readonly [number, number])[];
  const [first, second] = [pairs.map(([a]) => a), pairs.map(([, b]) => b)];
  return (picked) => sumOf(first, picked) / sumOf(second, picked);
};

type Pair = readonly [right: number, said: number];

/** F1 of class 1, where there are two. */
const binaryF1 = (values: readonly unknown[]): Statistic => {
  const pairs = values as readonly Pair[];
  const codes = pairs.map(([right, said]) => (right === 1 ? 2 : 0) + (said === 1 ? 1 : 0));
  return (picked) => {
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < picked.length; i++) {
      const code = codes[picked[i] as number] as number;
      counts[code] = (counts[code] as number) + 1;
    }
    const [, onlySaid, onlyRight, both] = counts as [number, number, number, number];
    return both === 0 ? 0 : (2 * both) / (2 * both + onlySaid + onlyRight);
  };
};

/** Matthews' correlation coefficient. */
const correlation = (values: readonly unknown[]): Statistic => {
  const pairs = values as readonly Pair[];
  const labels = [...new Set(pairs.flat())];
  const codes = pairs.map(([right, said]) => [labels.indexOf(right), labels.indexOf(said)] as const);
  return (picked) => {
    const [right, said] = [labels.map(() => 0), labels.map(() => 0)];
    let both = 0;
    for (let i = 0; i < picked.length; i++) {
      const [a, b] = codes[picked[i] as number] as readonly [number, number];
      right[a] = (right[a] as number) + 1;
      said[b] = (said[b] as number) + 1;
      if (a === b) both++;
    }
    const size = picked.length;
    const dot = (x: readonly number[], y: readonly number[]): number =>
      x.reduce((sum, value, i) => sum + value * (y[i] as number), 0);
    const spread = (size ** 2 - dot(said, said)) * (size ** 2 - dot(right, right));
    return spread === 0 ? 0 : (both * size - dot(right, said)) / Math.sqrt(spread);
  };
};

const pick = <T>(values: readonly unknown[], picked: ArrayLike<number>): T[] =>
  Array.from(picked, (at) => values[at] as T);

type Translated = readonly [answer: string, references: References];

const ofTexts =
  (score: (texts: string[], references: References[], options: Readonly<Record<string, unknown>>) => number) =>
  (values: readonly unknown[], options: Readonly<Record<string, unknown>>): Statistic =>
  (picked) => {
    const own = pick<Translated>(values, picked);
    return score(
      own.map(([answer]) => answer),
      own.map(([, references]) => references),
      options,
    );
  };

const f1Of =
  (average: F1Average) =>
  (values: readonly unknown[]): Statistic =>
  (picked) =>
    f1Score(pick<Pair>(values, picked), average);

const brier = (values: readonly unknown[]): Statistic => {
  const errors = (values as readonly (readonly [number, readonly number[]])[]).map(([right, probabilities]) =>
    probabilities.reduce((sum, p, i) => sum + (p - Number(i === right)) ** 2, 0),
  );
  return (picked) => sumOf(errors, picked) / picked.length;
};

const all = { resamples: BOOTSTRAP_RESAMPLES };
const thousand = { resamples: 1000 };
const hundred = { resamples: 100 };
const share = [0, 1] as const;
const points = [0, 100] as const;

/** Every aggregation by its name; those of lm-evaluation-harness have its names. */
export const aggregations = {
  mean: { prepare: meanOf, error: "mean" },
  median: {
    prepare: (values) => (picked) =>
      pick<number>(values, picked).sort((a, b) => a - b)[Math.floor(picked.length / 2)] as number,
    error: all,
  },
  perplexity: {
    prepare(values) {
      const mean = meanOf(values);
      return (picked) => Math.exp(-mean(picked));
    },
    error: all,
    range: [1, Number.POSITIVE_INFINITY],
  },
  weighted_perplexity: {
    prepare(values) {
      const mean = weightedMean(values);
      return (picked) => Math.exp(-mean(picked));
    },
    error: "none",
  },
  bits_per_byte: {
    prepare(values) {
      const mean = weightedMean(values);
      return (picked) => -mean(picked) / Math.LN2;
    },
    error: "none",
  },
  f1: { prepare: binaryF1, error: all, range: share },
  matthews_corrcoef: { prepare: correlation, error: all, range: [-1, 1] },
  brier_score: { prepare: brier, error: "none" },
  bleu: {
    prepare: ofTexts(
      (texts, references, { tokenize, lowercase }) =>
        bleu(texts, references, { tokenizer: tokenize as "13a", lowercase: lowercase === true }).score,
    ),
    error: hundred,
    range: points,
  },
  chrf: { prepare: ofTexts((texts, references) => chrf(texts, references).score), error: hundred, range: points },
  "chrf++": {
    prepare: ofTexts((texts, references) => chrf(texts, references, { wordOrder: 2 }).score),
    error: hundred,
    range: points,
  },
  f1_macro: { prepare: f1Of("macro"), error: thousand, range: share },
  f1_micro: { prepare: f1Of("micro"), error: thousand, range: share },
  f1_weighted: { prepare: f1Of("weighted"), error: thousand, range: share },
  calibration_error: {
    prepare: (values) => (picked) => expectedCalibrationError(pick<readonly [number, boolean]>(values, picked)),
    error: thousand,
    range: share,
  },
} as const satisfies Readonly<Record<string, Aggregation>>;

/** The name of an aggregation. */
export type AggregationName = keyof typeof aggregations;

/** The bounds of a metric over these items; of a mean, those of shares where every item has one. */
export function rangeOf(name: AggregationName, values: readonly unknown[]): readonly [least: number, most: number] {
  const { range }: Aggregation = aggregations[name];
  if (range) return range;
  const isShare = (value: unknown): boolean => typeof value === "number" && value >= 0 && value <= 1;
  const areShares = (name === "mean" || name === "median") && values.every(isShare);
  return areShares ? share : [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
}

/** A metric over all items. */
export interface Estimate {
  /** The metric over all items, by its aggregation. */
  readonly value: number;
  /** The standard error; null where there is none. */
  readonly stderr: number | null;
}

/** Settings of the standard errors. */
export interface EstimateOptions {
  /** Bootstrap resamples at most; default 100,000, those of texts 100. */
  readonly resamples?: number | undefined;
  /** Settings of the metric. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
}

/** A metric over all items, with its standard error: s / √n of a mean, else by the bootstrap where there is one. */
export function estimate(
  values: readonly unknown[],
  name: AggregationName,
  { resamples = BOOTSTRAP_RESAMPLES, settings = {} }: EstimateOptions = {},
): Estimate {
  const { prepare, error }: Aggregation = aggregations[name];
  const statistic = prepare(values, settings);
  const size = values.length;
  const value = statistic(Uint32Array.from({ length: size }, (_, i) => i));
  if (size < 2 || error === "none") return { value, stderr: null };
  if (error === "mean") return { value, stderr: deviation(values as readonly number[]) / Math.sqrt(size) };
  const limit = Math.min(error.resamples, resamples);
  return { value, stderr: limit > 1 ? bootstrapError(statistic, size, limit) : null };
}

/** The sample standard deviation. */
export function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1));
}

/** The standard deviation over resamples, drawn as lm-evaluation-harness draws them: in thousands, each with its seed. */
function bootstrapError(statistic: Statistic, size: number, resamples: number): number {
  const chunk = Math.min(1000, resamples);
  const picked = new Uint32Array(size);
  const results: number[] = [];
  for (let seed = 0; seed < Math.floor(resamples / chunk); seed++) {
    const random = new PythonRandom(seed);
    for (let n = 0; n < chunk; n++) {
      for (let i = 0; i < size; i++) picked[i] = Math.floor(random.random() * size);
      results.push(statistic(picked));
    }
  }
  return deviation(results);
}
