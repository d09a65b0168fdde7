import {
  check,
  checkFields,
  LecternError,
  ownEntry,
  type Rules,
  rules,
  shown,
  suggestion,
} from "../../common/index.ts";
import { exactMatch, type RougeType, rouge, squadExact, squadF1 } from "../metrics/index.ts";
import { pythonRegex } from "../python/regex.ts";
import { type AggregationName, aggregations } from "./aggregation.ts";
import { argmax, type ChoiceOutcome, calibrated, type Outcome, softmax } from "./outcome.ts";
import type { OutputType } from "./task.ts";

type Settings = Readonly<Record<string, unknown>>;

/** A metric of a task, with its settings. */
export interface MetricUse {
  /** The name of the metric, such as `acc`. */
  readonly name: string;
  /** The aggregation of the values of all items. */
  readonly aggregation: AggregationName;
  /** True if a larger value is better, as of accuracy; false as of perplexity. */
  readonly higherIsBetter: boolean;
  /** Settings of the metric, by their names in the task file. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The value of one item: a number, or the parts of a metric over all items. */
  readonly value: (outcome: Outcome) => unknown;
}

/** A metric as the table below has it. */
interface Metric {
  readonly value: Readonly<Partial<Record<OutputType, (outcome: never, settings: Settings) => unknown>>>;
  readonly aggregation: AggregationName;
  readonly higherIsBetter?: boolean;
  readonly settings?: Rules;
}

const length = (text: string): number => [...text].length;
const bytes = (text: string): number => new TextEncoder().encode(text).length;

/** A metric of the choice with the largest score. */
function ofChoice(scores: (outcome: ChoiceOutcome) => readonly number[]): (outcome: ChoiceOutcome) => number {
  return (outcome) => Number(outcome.right.includes(argmax(scores(outcome))));
}

/** log-likelihoods divided by the size of each choice. */
const perSize =
  (size: (choice: string, index: number, outcome: ChoiceOutcome) => number) =>
  (outcome: ChoiceOutcome): number[] =>
    outcome.logLikelihoods.map((log, i) => log / size(outcome.choices[i] as string, i, outcome));

const pair = ({ right, logLikelihoods }: ChoiceOutcome): unknown => [right[0], argmax(logLikelihoods)];

const texts = (right: readonly string[]): string | readonly string[] =>
  right.length === 1 ? (right[0] as string) : right;

const ofText = (value: (answer: string, right: readonly string[], settings: Settings) => unknown): Metric["value"] => ({
  generate_until: ({ answer, right }: { answer: string; right: readonly string[] }, settings: Settings) =>
    value(answer, right, settings),
});

const choiceMetric = (value: (outcome: ChoiceOutcome) => unknown): Metric["value"] => ({ multiple_choice: value });

const rougeMetric = (type: RougeType): Metric => ({
  value: ofText(
    (answer, right, { tokenizer }) => rouge(answer, right, { tokenizer: tokenizer as "unicode" })[type].fMeasure,
  ),
  aggregation: "mean",
  settings: {
    tokenizer: { fits: (value) => value === "unicode" || value === "default", expected: "unicode or default" },
  },
});

const rolling = (size: "words" | "bytes" | "tokens", aggregation: AggregationName): Metric => ({
  value: {
    loglikelihood_rolling: (outcome: { logLikelihood: number; words: number; bytes: number; tokens: number }) => [
      outcome.logLikelihood,
      outcome[size],
    ],
  },
  aggregation,
  higherIsBetter: false,
});

const exact: Rules = {
  regexes_to_ignore: rules.texts,
  ignore_case: rules.flag,
  ignore_punctuation: rules.flag,
  ignore_numbers: rules.flag,
};

/** Every metric by its name; those of lm-evaluation-harness have its names. */
const metrics: Readonly<Record<string, Metric>> = {
  acc: {
    value: {
      multiple_choice: ofChoice(({ logLikelihoods }) => logLikelihoods),
      loglikelihood: ({ isGreedy }: { isGreedy: boolean }) => Number(isGreedy),
    },
    aggregation: "mean",
  },
  acc_norm: { value: choiceMetric(ofChoice(perSize(length))), aggregation: "mean" },
  acc_bytes: { value: choiceMetric(ofChoice(perSize(bytes))), aggregation: "mean" },
  acc_tokens: {
    value: choiceMetric(ofChoice(perSize((_, i, { tokens }) => tokens[i] as number))),
    aggregation: "mean",
  },
  acc_mutual_info: {
    value: choiceMetric(
      ofChoice(({ logLikelihoods, unconditional = [] }) =>
        logLikelihoods.map((log, i) => log - (unconditional[i] as number)),
      ),
    ),
    aggregation: "mean",
  },
  acc_calibrated: { value: choiceMetric(ofChoice(calibrated)), aggregation: "mean" },
  exact_match: {
    value: {
      multiple_choice: ({ right, isGreedy }: ChoiceOutcome) => Number(right.some((at) => isGreedy[at] === true)),
      ...ofText((answer, right, settings) =>
        Number(right.some((own) => exactMatch(answer, own, exactOptions(settings)))),
      ),
    },
    aggregation: "mean",
    settings: exact,
  },
  f1: { value: choiceMetric(pair), aggregation: "f1" },
  f1_macro: { value: choiceMetric(pair), aggregation: "f1_macro" },
  f1_micro: { value: choiceMetric(pair), aggregation: "f1_micro" },
  f1_weighted: { value: choiceMetric(pair), aggregation: "f1_weighted" },
  mcc: { value: choiceMetric(pair), aggregation: "matthews_corrcoef" },
  brier_score: {
    value: choiceMetric(({ right, logLikelihoods }) => [right[0], softmax(logLikelihoods)]),
    aggregation: "brier_score",
    higherIsBetter: false,
  },
  ece: {
    value: choiceMetric(({ right, logLikelihoods }) => {
      const said = argmax(logLikelihoods);
      return [softmax(logLikelihoods)[said], right.includes(said)];
    }),
    aggregation: "calibration_error",
    higherIsBetter: false,
  },
  squad_f1: { value: ofText((answer, right) => squadF1(answer, right)), aggregation: "mean" },
  squad_exact: { value: ofText((answer, right) => squadExact(answer, right)), aggregation: "mean" },
  bleu: {
    value: ofText((answer, right) => [answer, texts(right)]),
    aggregation: "bleu",
    settings: { tokenize: rules.name, lowercase: rules.flag },
  },
  chrf: { value: ofText((answer, right) => [answer, texts(right)]), aggregation: "chrf" },
  "chrf++": { value: ofText((answer, right) => [answer, texts(right)]), aggregation: "chrf++" },
  rouge1: rougeMetric("rouge1"),
  rouge2: rougeMetric("rouge2"),
  rougeL: rougeMetric("rougeL"),
  rougeLsum: rougeMetric("rougeLsum"),
  perplexity: {
    value: { loglikelihood: ({ logLikelihood }: { logLikelihood: number }) => logLikelihood },
    aggregation: "perplexity",
    higherIsBetter: false,
  },
  word_perplexity: rolling("words", "weighted_perplexity"),
  byte_perplexity: rolling("bytes", "weighted_perplexity"),
  token_perplexity: rolling("tokens", "weighted_perplexity"),
  bits_per_byte: rolling("bytes", "bits_per_byte"),
};

function exactOptions(settings: Settings): Parameters<typeof exactMatch>[2] {
  const { regexes_to_ignore: ignored, ignore_case, ignore_punctuation, ignore_numbers } = settings;
  return {
    ignored: (ignored as readonly string[] | undefined)?.map((pattern) => pythonRegex(pattern, "exact_match")),
    ignoreCase: ignore_case === true,
    ignorePunctuation: ignore_punctuation === true,
    ignoreNumbers: ignore_numbers === true,
  };
}

/** The metrics of tasks that name none. */
const defaults: Readonly<Record<OutputType, readonly string[]>> = {
  loglikelihood: ["perplexity", "acc"],
  loglikelihood_rolling: ["word_perplexity", "byte_perplexity", "bits_per_byte"],
  multiple_choice: ["acc", "acc_norm"],
  generate_until: ["exact_match"],
};

/** The metrics of a task, as `metric_list` names them. */
export function metricUses(list: readonly Settings[] | undefined, output: OutputType, path: string): MetricUse[] {
  const given = list ?? defaults[output].map((metric): Settings => ({ metric }));
  return given.map((entry) => metricUse(entry, output, path));
}

function metricUse(entry: Settings, output: OutputType, path: string): MetricUse {
  const { metric: name, aggregation, higher_is_better: higher, hf_evaluate: isForeign, ...settings } = entry;
  check(typeof name === "string", "input", () => `${path}: an entry of metric_list needs metric; got ${shown(entry)}`);
  const fitting = Object.entries(metrics).flatMap(([own, { value }]) => (value[output] ? [own] : []));
  const metric = ownEntry(metrics, name);
  if (isForeign === true || !metric)
    throw new LecternError(
      "unsupported",
      `${path}: metric ${name} is not available${isForeign === true ? ": hf_evaluate loads code from the Hub" : suggestion(name, fitting)}`,
    );
  const value = metric.value[output] as ((outcome: Outcome, settings: Settings) => unknown) | undefined;
  check(
    value,
    "input",
    () => `${path}: metric ${name} does not fit ${output}; metrics that fit are ${fitting.join(", ")}`,
  );
  checkFields(`${path}: metric ${name}`, settings, metric.settings ?? {}, "key");
  const own = aggregation === undefined ? metric.aggregation : aggregationOf(aggregation, name, path);
  const higherIsBetter = typeof higher === "boolean" ? higher : (metric.higherIsBetter ?? true);
  return { name, aggregation: own, higherIsBetter, settings, value: (outcome) => value(outcome, settings) };
}

function aggregationOf(given: unknown, metric: string, path: string): AggregationName {
  const names = Object.keys(aggregations) as AggregationName[];
  const found = names.find((name) => name === given);
  if (found) return found;
  throw new LecternError(
    "input",
    `${path}: metric ${metric}: there is no aggregation ${shown(given)}${suggestion(String(given), names)}`,
  );
}
