import { z } from "zod";
import { type GenerationOptions, optionNames, optionTable } from "../../generation/index.ts";
import { ApiError } from "../errors.ts";

/** The most stop strings of a request. */
export const MOST_STOPS = 64;
/** The most answers to one prompt. */
const MOST_CHOICES = 128;

/** Options that requests have under another name, or whose results no response can carry. */
const elsewhere: Readonly<Record<string, string>> = {
  maxNewTokens: "max_tokens",
  maxLength: "max_tokens",
  stopStrings: "stop",
  numReturnSequences: "n",
};
const withheld = new Set(["assistantModel", "outputScores", "outputLogits", "outputAttentions", "outputHiddenStates"]);
/** Options that OpenAI's fields already name. */
const common = new Set(["temperature", "topP", "frequencyPenalty", "presencePenalty", "logitBias", "seed"]);

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const ownNames = optionNames.filter((name) => !(name in elsewhere) && !withheld.has(name) && !common.has(name));

/** Every further option of Lectern, under its name in `generation_config.json`; the library checks their values. */
const ownFields: Readonly<Record<string, z.ZodOptional<z.ZodUnknown>>> = Object.fromEntries(
  ownNames.map((name) => {
    const { help, default: preset } = optionTable[name];
    return [snakeCase(name), z.unknown().optional().describe(`${help}. Default: ${preset}.`)];
  }),
);

/** The fields that say how to generate, of every route that does. */
export const samplingFields = {
  temperature: z.number().min(0).max(100).nullish().describe("Default: the checkpoint's, else 1."),
  top_p: z.number().gt(0).max(1).nullish().describe("Default: the checkpoint's, else 1."),
  seed: z.int().min(0).nullish(),
  stop: z
    .union([z.string().min(1), z.array(z.string().min(1)).max(MOST_STOPS)])
    .nullish()
    .describe(`Up to ${MOST_STOPS} texts that end an answer; they are left out of it.`),
  logit_bias: z.record(z.string().regex(/^\d+$/, "token ids"), z.number()).nullish(),
  frequency_penalty: z.number().nullish(),
  presence_penalty: z.number().nullish(),
  n: z.int().min(1).max(MOST_CHOICES).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z
    .strictObject({ include_usage: z.boolean().nullish(), include_obfuscation: z.literal(false).nullish() })
    .nullish(),
  priority: z
    .union([z.enum(["interactive", "batch"]), z.int()])
    .nullish()
    .describe("The order of requests that wait: the lower number first; interactive is 0, batch 10."),
  user: z.string().nullish().describe("A label; it changes nothing."),
  ...ownFields,
} as const;

/** The values of these fields in a request. */
export type SamplingBody = {
  readonly temperature?: number | null | undefined;
  readonly top_p?: number | null | undefined;
  readonly seed?: number | null | undefined;
  readonly stop?: string | string[] | null | undefined;
  readonly logit_bias?: Record<string, number> | null | undefined;
  readonly frequency_penalty?: number | null | undefined;
  readonly presence_penalty?: number | null | undefined;
};

/** The facts about a model that its options follow from. */
export interface SampledModel {
  readonly isEncoderDecoder: boolean;
  readonly generationConfig: Readonly<Record<string, unknown>>;
  readonly isStreamed: boolean;
}

/** Options by which a search takes the place of drawing. */
const searches = ["numBeams", "numBeamGroups", "penaltyAlpha", "forceWordsIds", "doSample"] as const;

type Options = { -readonly [N in keyof GenerationOptions]: GenerationOptions[N] };

/**
 * The generation options of a request. As with OpenAI, a decoder draws at temperature 1 among all tokens where neither
 * request nor checkpoint says otherwise. An encoder–decoder follows its checkpoint, and one beam where it streams.
 */
export function generationOptions(body: SamplingBody, model: SampledModel): GenerationOptions {
  const fields: Readonly<Record<string, unknown>> = { ...body };
  const options: Options & Record<string, unknown> = {};
  for (const name of [...ownNames, ...common]) {
    const value = fields[snakeCase(name)];
    if (value !== undefined && value !== null) options[name] = value;
  }
  if (fields.eos_token_id === null) options.eosTokenId = null;
  const { isEncoderDecoder, generationConfig, isStreamed } = model;
  if (isStreamed && Number(options.numBeams ?? 1) > 1)
    throw new ApiError(400, "num_beams: beams are complete at their end only: leave out stream or num_beams", {
      param: "num_beams",
      code: "unsupported_parameter",
    });
  if (isEncoderDecoder) return isStreamed ? { ...options, numBeams: 1 } : options;
  if (searches.some((name) => options[name] !== undefined) || options.temperature === 0) return options;
  const { temperature = 1, top_p: topP, top_k: topK = 0 } = generationConfig;
  return {
    doSample: true,
    temperature: Number(temperature),
    ...(typeof topP === "number" && { topP }),
    topK: Number(topK),
    ...options,
  };
}

/** True if the same options give the same text each time, so that several answers to a prompt are one. */
export function isRepeatable(
  options: GenerationOptions,
  { generationConfig, isEncoderDecoder }: SampledModel,
): boolean {
  if (options.temperature === 0 || options.doSample === false) return true;
  return !(options.doSample ?? (isEncoderDecoder && generationConfig.do_sample === true));
}

/** The number of beams that a request follows. */
export function beamsOf(options: GenerationOptions, { generationConfig }: SampledModel): number {
  return options.numBeams ?? Number(generationConfig.num_beams ?? 1);
}

/** The stop strings of a request as a list. */
export function stopsOf({ stop }: SamplingBody): string[] {
  return stop === undefined || stop === null ? [] : [stop].flat();
}

/** Fields of GenerationConfig that requests have under another name, and options that are withheld, with the reason. */
export const renamedFields: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(elsewhere).map(([name, field]) => [snakeCase(name), `give ${field}`])),
  ...Object.fromEntries([...withheld].map((name) => [snakeCase(name), "no response can carry it"])),
  assistant_model: "it names a directory of the server",
};
