import { check } from "../common/index.ts";
import type { GenerationOptions, Sequence, TokenEvent } from "../generation/index.ts";
import {
  type GeneratingOptions,
  generateRows,
  generationOptionNames,
  generationOptions,
  sourceIds,
  taskSettings,
} from "./generation.ts";
import { type Languages, languageSource } from "./languages.ts";
import { parseText, type Task, type TaskContext } from "./task.ts";

/** Options of `text2text-generation` and `summarization`: all generation options, and these. */
export interface Text2TextOptions extends GeneratingOptions {
  /** The prefix of each text; default as the checkpoint says. */
  readonly prefix?: string;
  /** True if a text beyond the model's window is truncated instead of rejected; default false. */
  readonly truncation?: boolean;
  /** Reports this many of each step's most probable tokens to `onToken`; needs a single beam. */
  readonly candidates?: number;
  /** Called with each new token; its sequence counts within the batch. */
  readonly onToken?: (event: TokenEvent) => void;
}

/** Options of `translation`. */
export type TranslationOptions = Text2TextOptions & Languages;

/** The defaults of transformers' pipelines where neither caller nor checkpoint says anything. */
const usual = { maxNewTokens: 256, numBeams: 4 } as const;

type ResultKey = "generated_text" | "summary_text" | "translation_text";
type Result<K extends ResultKey> = { readonly [key in K]: string };
type Results<K extends ResultKey> = Result<K> | Result<K>[];

/** A result of `text2text-generation`. */
export type Text2TextResult = Result<"generated_text">;
/** A result of `summarization`. */
export type SummarizationResult = Result<"summary_text">;
/** A result of `translation`. */
export type TranslationResult = Result<"translation_text">;

const own = { prefix: "text", truncation: "flag", candidates: "count", onToken: "function" } as const;

function checkAnswers({ model, task }: TaskContext): void {
  check(
    model.isEncoderDecoder,
    "unsupported",
    () =>
      `${task}: needs an encoder–decoder model; ${model.location} (${model.family}) is a decoder: use text-generation`,
  );
}

/** One result, or a list of them where several were asked for. */
function named<K extends ResultKey>(key: K, sequences: readonly Sequence[]): Results<K> {
  const results = sequences.map(({ text }) => ({ [key]: text }) as Result<K>);
  return results.length === 1 ? (results[0] as Result<K>) : results;
}

/** A task of an encoder–decoder that reads a text behind the checkpoint's prefix and writes another. */
function rewriting<K extends "generated_text" | "summary_text">(
  key: K,
): Task<string, Text2TextOptions, Results<K>, keyof GenerationOptions> {
  return {
    batchSize: 8,
    options: own,
    otherOptions: generationOptionNames,
    parse: parseText,
    one: (output) => [output].flat(),
    async run(context, inputs, options) {
      checkAnswers(context);
      const { prefix = taskSettings(context).prefix ?? "", truncation = false } = options;
      const rows = inputs.map((input) => sourceIds(context, prefix + input, truncation));
      const results = await generateRows(context, rows, generationOptions(context, options, usual), options);
      return results.map((sequences) => named(key, sequences));
    },
  };
}

/** Another text for a text, by an encoder–decoder. */
export const text2textGeneration = rewriting("generated_text");

/** A shorter text that says the same. */
export const summarization = rewriting("summary_text");

/** A text in another language. */
export const translation: Task<string, TranslationOptions, Results<"translation_text">, keyof GenerationOptions> = {
  defaultModel: "translate",
  batchSize: 8,
  options: { ...own, srcLang: "text", tgtLang: "text" },
  otherOptions: generationOptionNames,
  parse: parseText,
  one: (output) => [output].flat(),
  async run(context, inputs, options) {
    checkAnswers(context);
    const { truncation = false } = options;
    const { task, prefix, wrap, forcedBosTokenId } = languageSource(context, options);
    const renamed = { ...context, task };
    const before = options.prefix ?? prefix ?? taskSettings(renamed).prefix ?? "";
    const rows = inputs.map((input) => wrap(sourceIds(context, before + input, truncation)));
    const forced = forcedBosTokenId === undefined ? {} : { forcedBosTokenId };
    const asked = generationOptions(renamed, { ...forced, ...options }, usual);
    const results = await generateRows(context, rows, asked, options);
    return results.map((sequences) => named("translation_text", sequences));
  },
};
