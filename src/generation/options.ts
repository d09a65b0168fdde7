import { check, LecternError, nearest } from "../common/index.ts";

/** How text is generated; names and meaning are those of transformers' GenerationConfig, in camel case. */
export interface GenerationOptions {
  /** New tokens at most; wins over `maxLength`. */
  readonly maxNewTokens?: number;
  /** Prompt and new tokens together at most. */
  readonly maxLength?: number;
  /** Tokens that end a sequence; null: none does. */
  readonly eosTokenId?: number | readonly number[] | null;
  /** Texts that end a sequence once they appear in it. */
  readonly stopStrings?: string | readonly string[];
  /** Draw from the distribution; otherwise the most probable token is taken. */
  readonly doSample?: boolean;
  /** Divides the logits: below 1 sharper, above 1 flatter. */
  readonly temperature?: number;
  /** Draw among this many most probable tokens; 0: all. */
  readonly topK?: number;
  /** Draw among the most probable tokens that together reach this probability. */
  readonly topP?: number;
  /** Draw among tokens of at least this share of the largest probability (Nguyen et al., 2024). */
  readonly minP?: number;
  /** Above 1: tokens that were there already become less likely (Keskar et al., 2019). */
  readonly repetitionPenalty?: number;
  readonly numReturnSequences?: number;
  /** The same seed gives the same tokens; without one they differ from run to run. */
  readonly seed?: number;
}

type Field = keyof GenerationOptions;
type Kind = "count" | "positive" | "share" | "flag" | "number" | "ids" | "texts";

/** Every option that is honoured, and what it takes. */
export const optionKinds: Readonly<Record<Field, Kind>> = {
  maxNewTokens: "count",
  maxLength: "count",
  eosTokenId: "ids",
  stopStrings: "texts",
  doSample: "flag",
  temperature: "positive",
  topK: "number",
  topP: "share",
  minP: "share",
  repetitionPenalty: "positive",
  numReturnSequences: "count",
  seed: "number",
};

/** Fields of GenerationConfig that are not here yet, with the values at which they change nothing. */
const refused: Readonly<Record<string, readonly unknown[]>> = {
  minLength: [0],
  minNewTokens: [0],
  earlyStopping: [false],
  maxTime: [],
  numBeams: [1],
  useCache: [true],
  cacheImplementation: [],
  cacheConfig: [],
  topH: [],
  typicalP: [1],
  epsilonCutoff: [0],
  etaCutoff: [0],
  diversityPenalty: [0],
  encoderRepetitionPenalty: [1],
  lengthPenalty: [1],
  noRepeatNgramSize: [0],
  badWordsIds: [],
  forceWordsIds: [],
  renormalizeLogits: [false],
  constraints: [],
  forcedBosTokenId: [],
  forcedEosTokenId: [],
  removeInvalidValues: [false],
  exponentialDecayLengthPenalty: [],
  suppressTokens: [],
  beginSuppressTokens: [],
  sequenceBias: [],
  tokenHealing: [false],
  guidanceScale: [1],
  watermarkingConfig: [],
  outputAttentions: [false],
  outputHiddenStates: [false],
  outputScores: [false],
  outputLogits: [false],
  returnDictInGenerate: [false, true],
  encoderNoRepeatNgramSize: [0],
  numBeamGroups: [1],
  penaltyAlpha: [0],
  dolaLayers: [],
  promptLookupNumTokens: [],
  maxMatchingNgramSize: [],
  assistantEarlyExit: [],
  prefillChunkSize: [],
  frequencyPenalty: [0],
  presencePenalty: [0],
  negativePromptIds: [],
};

/** Fields that say nothing about the computation here. */
const inert = new Set([
  "transformersVersion",
  "bosTokenId",
  "padTokenId",
  "decoderStartTokenId",
  "generationKwargs",
  "fromModelConfig",
  "disableCompile",
  "compileConfig",
]);

export function camelCase(name: string): string {
  return name.replace(/[_-]([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * Reads options under their camel-case or snake_case names, from a caller or a `generation_config.json`.
 * An option that is not honoured is refused by name unless its value changes nothing.
 */
export function parseOptions(raw: Readonly<Record<string, unknown>>): GenerationOptions {
  const parsed: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(raw)) {
    const name = camelCase(key.replace(/^_/, ""));
    if (value === undefined || inert.has(name)) continue;
    if (Object.hasOwn(optionKinds, name)) {
      if (value === null && name !== "eosTokenId") continue;
      checkValue(key, optionKinds[name as Field], value);
      parsed[name] = value;
    } else if (Object.hasOwn(refused, name)) {
      const neutral = value === null || refused[name]?.includes(value);
      if (!neutral)
        throw new LecternError(
          "unsupported",
          `generation: ${key} = ${JSON.stringify(value)} is not available yet; leave it out`,
        );
    } else {
      const known = Object.keys(optionKinds).map((field) =>
        key.includes("_") ? field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : field,
      );
      throw new LecternError("usage", `generation: there is no option ${key}; did you mean ${nearest(key, known)}?`);
    }
  }
  return parsed;
}

function checkValue(name: string, kind: Kind, value: unknown): void {
  const isNumber = typeof value === "number" && Number.isFinite(value);
  const isId = (id: unknown): boolean => Number.isSafeInteger(id) && (id as number) >= 0;
  const rules: Record<Kind, [boolean, string]> = {
    count: [Number.isSafeInteger(value) && (value as number) > 0, "a whole number above 0"],
    positive: [isNumber && value > 0, "a number above 0"],
    share: [
      isNumber && value >= 0 && value <= 1 && !(value === 0 && camelCase(name) === "topP"),
      "a number from 0 to 1",
    ],
    flag: [typeof value === "boolean", "true or false"],
    number: [Number.isSafeInteger(value) && (value as number) >= 0, "a whole number from 0"],
    ids: [
      value === null || isId(value) || (Array.isArray(value) && value.every(isId)),
      "a token id, a list of them, or null",
    ],
    texts: [
      typeof value === "string" || (Array.isArray(value) && value.every((text) => typeof text === "string")),
      "a text or a list of them",
    ],
  };
  const [fits, expected] = rules[kind];
  check(fits, "usage", () => `generation: ${name} must be ${expected}; came ${JSON.stringify(value)}`);
}
