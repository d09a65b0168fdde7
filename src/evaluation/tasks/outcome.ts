/** The answer of a model to an item with choices. */
export interface ChoiceOutcome {
  readonly output: "multiple_choice";
  readonly choices: readonly string[];
  /** log p of each choice after the question. */
  readonly logLikelihoods: readonly number[];
  /** The number of tokens of each choice. */
  readonly tokens: readonly number[];
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
  readonly output: "generate_until";
  readonly answer: string;
  readonly right: readonly string[];
}

/** The log-likelihood of a text after a context. */
export interface LikelihoodOutcome {
  readonly output: "loglikelihood";
  readonly logLikelihood: number;
  readonly isGreedy: boolean;
}

/** The log-likelihood of a whole text. */
export interface RollingOutcome {
  readonly output: "loglikelihood_rolling";
  readonly logLikelihood: number;
  readonly words: number;
  readonly bytes: number;
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
