import type { GenerationOptions } from "./options.ts";

/** The state that a processor may read beside the scores. */
export interface StepContext {
  /** Prompt and new tokens; in an encoder–decoder, what the decoder has, its start token first. */
  readonly ids: readonly number[];
  readonly promptLength: number;
  /** The token ids that the encoder read; in a decoder, the prompt. */
  readonly encoderIds: readonly number[];
  /** Prompt and new tokens together at most. */
  readonly maxLength: number;
}

/** One option's change of the scores, in place. */
export interface Processor {
  /** The option's name. */
  readonly option: string;
  apply(scores: Float32Array, step: StepContext): void | Promise<void>;
}

/** The score of a token that cannot come. */
export const NEVER = Number.NEGATIVE_INFINITY;

/** The settings that processors read beside their own option. */
export interface ProcessorSettings {
  readonly options: GenerationOptions;
  /** The end tokens. */
  readonly ends: readonly number[];
  /** The number of tokens that sampling filters leave at least. */
  readonly least: number;
}

/** A row of a table of processors: an option's processor, undefined where the option changes nothing. */
export type OptionProcessor = (settings: ProcessorSettings) => Processor | undefined;

/**
 * The processor of an option.
 * @param neutral the value with which the option changes nothing, as it does where it is not given
 * @param change of the scores, in place
 */
export function optionProcessor<K extends keyof GenerationOptions>(
  option: K,
  neutral: GenerationOptions[K],
  change: (
    value: NonNullable<GenerationOptions[K]>,
    scores: Float32Array,
    step: StepContext,
    settings: ProcessorSettings,
  ) => void,
): OptionProcessor {
  return (settings) => {
    const value = settings.options[option];
    if (value === undefined || value === null || value === neutral) return undefined;
    return { option, apply: (scores, step) => change(value, scores, step, settings) };
  };
}
