/** The answer of a model to an item with choices. */
export interface ChoiceOutcome {
  /** The kind of outcome. */
  readonly output: "multiple_choice";
  /** The texts of the choices. */
  readonly choices: readonly string[];
  /** log p of each choice after the question. */
  readonly logLikelihoods: readonly number[];
  /** The number of tokens of each choice. */
  readonly tokens: readonly number[];
  /** True, by choice, if greedy decoding of the question yields it. */
  readonly isGreedy: readonly boolean[];
  /** log p of each choice after nothing, where a metric asks for it. */
  readonly unconditional?: readonly number[];
  /** log p of each choice, after each of the texts without content. */
  readonly contentFree?: readonly (readonly number[])[];
  /** The indices of the right choices; −1 for a right answer that is none of them. */
  readonly right: readonly number[];
}

/** A text that a model wrote, behind a filter. */
export interface TextOutcome {
  /** The kind of outcome. */
  readonly output: "generate_until";
  /** The text behind the filters. */
  readonly answer: string;
  /** The right answers; one of them suffices. */
  readonly right: readonly string[];
}

/** The log-likelihood of a text after a context. */
export interface LikelihoodOutcome {
  /** The kind of outcome. */
  readonly output: "loglikelihood";
  /** Σ log p of the text's tokens; natural logarithm. */
  readonly logLikelihood: number;
  /** True if greedy decoding of the context yields the text. */
  readonly isGreedy: boolean;
}

/** The log-likelihood of a whole text. */
export interface RollingOutcome {
  /** The kind of outcome. */
  readonly output: "loglikelihood_rolling";
  /** Σ log p of all tokens of the text; natural logarithm. */
  readonly logLikelihood: number;
  /** The number of words, by which perplexity per word is normalised. */
  readonly words: number;
  /** The number of bytes in UTF-8. */
  readonly bytes: number;
  /** The number of tokens. */
  readonly tokens: number;
}

/** What became of one item. */
export type Outcome = ChoiceOutcome | TextOutcome | LikelihoodOutcome | RollingOutcome;

/** The place of the largest number, the first of equal ones. */
export function argmax(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value > (values[best] as number) ? i : best), 0);
}

/** Probabilities in proportion to exp of log-likelihoods. */
export function softmax(logs: readonly number[]): number[] {
  const most = Math.max(...logs);
  const powers = logs.map((log) => Math.exp(log - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/**
 * Probabilities of the choices, each divided by its mean probability after texts without content (Zhao et al., 2021).
 */
export function calibrated({ logLikelihoods, contentFree = [] }: ChoiceOutcome): number[] {
  const free = contentFree.map(softmax);
  const bias = logLikelihoods.map((_, i) => free.reduce((sum, own) => sum + (own[i] as number), 0) / free.length);
  return softmax(logLikelihoods.map((log, i) => log - Math.log(bias[i] as number)));
}
