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
  /** Scores of tokens of the prompt, or of the encoder's input, are penalised (below 1) or favoured (above 1). */
  readonly encoderRepetitionPenalty?: number;
  /** Taken off a token's score for each time it was generated, as OpenAI's interface has it. */
  readonly frequencyPenalty?: number;
  /** Taken off a token's score once it was generated. */
  readonly presencePenalty?: number;
  /** Added to the scores of tokens, by id. */
  readonly logitBias?: Readonly<Record<string, number>>;
  /** No run of this many tokens comes twice; 0: off. */
  readonly noRepeatNgramSize?: number;
  /** No run of this many tokens of the prompt, or of the encoder's input, comes again; 0: off. */
  readonly encoderNoRepeatNgramSize?: number;
  /** Sequences of tokens that may not come. */
  readonly badWordsIds?: readonly (readonly number[])[];
  /** Added to the score of a sequence's last token where its others were just written. */
  readonly sequenceBias?: readonly (readonly [readonly number[], number])[];
  /** Tokens that may not come, and tokens that may not come first. */
  readonly suppressTokens?: readonly number[];
  readonly beginSuppressTokens?: readonly number[];
  /** The first token after the decoder's start token; the last token where the length ends. */
  readonly forcedBosTokenId?: number;
  readonly forcedEosTokenId?: number | readonly number[];
  /** Prompt and new tokens together at least, and new tokens at least: no end token comes before. */
  readonly minLength?: number;
  readonly minNewTokens?: number;
  /** From `start` new tokens on, end tokens become more likely by `factor` each step. */
  readonly exponentialDecayLengthPenalty?: readonly [start: number, factor: number];
  /** Scores that are not numbers become numbers. */
  readonly removeInvalidValues?: boolean;
  /** Scores become log-probabilities after all other options. */
  readonly renormalizeLogits?: boolean;
  /** Draw among the most probable tokens that hold this share of the entropy (Potraghloo et al., 2025). */
  readonly topH?: number;
  /** Draw among tokens about as surprising as expected that together reach this probability (Meister et al., 2023). */
  readonly typicalP?: number;
  /** Draw among tokens of at least this probability; for eta, it falls with the entropy (Hewitt et al., 2022). */
  readonly epsilonCutoff?: number;
  readonly etaCutoff?: number;
  /** Hypotheses followed at once. */
  readonly numBeams?: number;
  /** Groups of beams that keep away from each other, and what a token costs that an earlier group chose. */
  readonly numBeamGroups?: number;
  readonly diversityPenalty?: number;
  /** Beams are divided by their length to this power: above 0 favours long ones. */
  readonly lengthPenalty?: number;
  /** Whether a beam search ends with `numBeams` finished hypotheses, by a heuristic, or only when none can improve. */
  readonly earlyStopping?: boolean | "never";
  /** Above 0: contrastive search, which takes of the topK tokens one whose state is unlike those before. */
  readonly penaltyAlpha?: number;
  /** Guess up to this many tokens from what followed the same tokens before: the same text, sooner. */
  readonly promptLookupNumTokens?: number;
  /** How many tokens must be the same for such a guess; default 2, or fewer. */
  readonly maxMatchingNgramSize?: number;
  /** A smaller model of the same tokenizer, by directory, that guesses ahead: the same text, sooner. */
  readonly assistantModel?: string;
  /** The model's own first layers guess ahead. */
  readonly assistantEarlyExit?: number;
  /** How many tokens an assistant guesses at most; default 20. */
  readonly numAssistantTokens?: number;
  /** Whether that number stays, or grows by 2 where all guesses were right and shrinks by 1 where one was wrong. */
  readonly numAssistantTokensSchedule?: "constant" | "heuristic" | "heuristic_transient";
  /** An assistant stops guessing after a token that it finds less probable than this; default 0.4. */
  readonly assistantConfidenceThreshold?: number;
  /** Away from what early layers would say: "low" or "high" layers, or a list (Chuang et al., 2023). */
  readonly dolaLayers?: "low" | "high" | readonly number[];
  /** Words, as token ids, that must come; a list of words: one of them (beams alone; Post and Vilar, 2018). */
  readonly forceWordsIds?: readonly (readonly number[] | readonly (readonly number[])[])[];
  /** Takes the prompt's last token back and lets the model choose one that begins with its text. */
  readonly tokenHealing?: boolean;
  /** Keep each step's scores after all options, and as the model gave them. */
  readonly outputScores?: boolean;
  readonly outputLogits?: boolean;
  /** Keep each step's attention weights, and hidden states. */
  readonly outputAttentions?: boolean;
  readonly outputHiddenStates?: boolean;
  /** Above 1: away from what would follow the negative prompt, or the prompt's last token alone. */
  readonly guidanceScale?: number;
  readonly negativePromptIds?: readonly (readonly number[])[];
  /** What the decoder of an encoder–decoder begins with. */
  readonly decoderStartTokenId?: number;
  /** Seconds after which no further token is begun. */
  readonly maxTime?: number;
  /** false: every step computes all tokens again, to check the cache. */
  readonly useCache?: boolean;
  /** How many tokens of a prompt are computed at once; default 256. More is faster and takes more memory. */
  readonly prefillChunkSize?: number;
  readonly numReturnSequences?: number;
  /** The same seed gives the same tokens; without one they differ from run to run. */
  readonly seed?: number;
}

type Field = keyof GenerationOptions;
type Kind =
  | "count"
  | "positive"
  | "share"
  | "flag"
  | "number"
  | "real"
  | "id"
  | "ids"
  | "texts"
  | "idLists"
  | "biases"
  | "bias"
  | "decay"
  | "earlyStopping"
  | "text"
  | "schedule"
  | "layers"
  | "words";

/** Every option that is honoured, and what it takes. */
export const optionKinds: Readonly<Record<Field, Kind>> = {
  maxNewTokens: "count",
  maxLength: "count",
  minNewTokens: "number",
  minLength: "number",
  maxTime: "positive",
  eosTokenId: "ids",
  stopStrings: "texts",
  doSample: "flag",
  temperature: "positive",
  topK: "number",
  topP: "share",
  minP: "share",
  topH: "share",
  typicalP: "share",
  epsilonCutoff: "share",
  etaCutoff: "share",
  repetitionPenalty: "positive",
  encoderRepetitionPenalty: "positive",
  frequencyPenalty: "real",
  presencePenalty: "real",
  logitBias: "bias",
  noRepeatNgramSize: "number",
  encoderNoRepeatNgramSize: "number",
  badWordsIds: "idLists",
  sequenceBias: "biases",
  suppressTokens: "ids",
  beginSuppressTokens: "ids",
  forcedBosTokenId: "id",
  forcedEosTokenId: "ids",
  exponentialDecayLengthPenalty: "decay",
  removeInvalidValues: "flag",
  renormalizeLogits: "flag",
  numBeams: "count",
  numBeamGroups: "count",
  diversityPenalty: "real",
  lengthPenalty: "real",
  earlyStopping: "earlyStopping",
  penaltyAlpha: "share",
  promptLookupNumTokens: "count",
  maxMatchingNgramSize: "count",
  assistantModel: "text",
  assistantEarlyExit: "count",
  numAssistantTokens: "count",
  numAssistantTokensSchedule: "schedule",
  assistantConfidenceThreshold: "share",
  dolaLayers: "layers",
  forceWordsIds: "words",
  tokenHealing: "flag",
  outputScores: "flag",
  outputLogits: "flag",
  outputAttentions: "flag",
  outputHiddenStates: "flag",
  guidanceScale: "positive",
  negativePromptIds: "idLists",
  decoderStartTokenId: "id",
  useCache: "flag",
  prefillChunkSize: "count",
  numReturnSequences: "count",
  seed: "number",
};

const OWN_TOKENIZER = "an assistant must have the model's own tokenizer";
const CACHE = "Lectern has one cache, which every generation uses";

/** Fields of GenerationConfig that are refused, why, and the values at which they would change nothing. */
export const refused: Readonly<Record<string, { readonly why: string; readonly neutral: readonly unknown[] }>> = {
  cacheImplementation: { why: CACHE, neutral: [] },
  cacheConfig: { why: CACHE, neutral: [] },
  lowMemory: { why: CACHE, neutral: [false] },
  watermarkingConfig: { why: "its green list is defined by torch's random numbers", neutral: [] },
  constraints: { why: "they are Python objects: give forceWordsIds", neutral: [] },
  assistantLookbehind: { why: OWN_TOKENIZER, neutral: [10] },
  targetLookbehind: { why: OWN_TOKENIZER, neutral: [10] },
  assistantEnsembleWeight: { why: "an assistant only guesses: it has no say in the text", neutral: [0] },
  speculationType: { why: "give assistantModel, assistantEarlyExit or promptLookupNumTokens", neutral: [] },
  useMtp: { why: "no family here has heads for several tokens", neutral: [false] },
  maxCacheLen: { why: CACHE, neutral: [] },
  isAssistant: { why: "a model is an assistant where another names it as assistantModel", neutral: [false] },
};

/** Fields that say nothing about the computation here. */
export const inert: ReadonlySet<string> = new Set([
  "transformersVersion",
  "bosTokenId",
  "padTokenId",
  "generationKwargs",
  "returnDictInGenerate",
  "continuousBatchingConfig",
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
      const kind = optionKinds[name as Field];
      checkValue(key, kind, value);
      parsed[name] = value;
    } else if (Object.hasOwn(refused, name)) {
      const { why, neutral } = refused[name] as (typeof refused)[string];
      if (value !== null && !neutral.includes(value))
        throw new LecternError(
          "unsupported",
          `generation: ${key} = ${JSON.stringify(value)} cannot be honoured: ${why}; leave it out`,
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

/** Options of Lectern's own, which transformers does not know. */
const ownOptions: ReadonlySet<string> = new Set(["seed", "logitBias", "frequencyPenalty", "presencePenalty"]);

/** What results show and how they are computed, not what is generated. */
const reporting: ReadonlySet<string> = new Set(["outputAttentions", "outputHiddenStates", "useCache"]);

/**
 * The fields of `config.json` that say how to generate: what transformers reads where a model has no
 * `generation_config.json`, as older ones have none.
 */
export function generationFields(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const counts = (key: string): boolean => {
    const name = camelCase(key);
    if (name === "bosTokenId" || name === "padTokenId") return true;
    return Object.hasOwn(optionKinds, name) && !ownOptions.has(name) && !reporting.has(name);
  };
  return Object.fromEntries(Object.entries(config).filter(([key, value]) => value !== null && counts(key)));
}

function checkValue(name: string, kind: Kind, value: unknown): void {
  const isNumber = typeof value === "number" && Number.isFinite(value);
  const isId = (id: unknown): boolean => Number.isSafeInteger(id) && (id as number) >= 0;
  const isLists = (lists: unknown): boolean =>
    Array.isArray(lists) && lists.every((ids) => Array.isArray(ids) && ids.length > 0 && ids.every(isId));
  const rules: Record<Kind, [boolean, string]> = {
    count: [Number.isSafeInteger(value) && (value as number) > 0, "a whole number above 0"],
    positive: [isNumber && value > 0, "a number above 0"],
    share: [
      isNumber && value >= 0 && value <= 1 && !(value === 0 && camelCase(name) === "topP"),
      "a number from 0 to 1",
    ],
    flag: [typeof value === "boolean", "true or false"],
    real: [isNumber, "a number"],
    id: [isId(value), "a token id"],
    idLists: [isLists(value), "a list of lists of token ids"],
    biases: [
      Array.isArray(value) &&
        value.every((entry) => Array.isArray(entry) && isLists([entry[0]]) && typeof entry[1] === "number"),
      "a list of [token ids, number]",
    ],
    bias: [
      typeof value === "object" &&
        value !== null &&
        Object.entries(value).every(([id, amount]) => isId(Number(id)) && typeof amount === "number"),
      "an object of numbers by token id",
    ],
    decay: [
      Array.isArray(value) && value.length === 2 && isId(value[0]) && typeof value[1] === "number" && value[1] > 0,
      "[new tokens, factor]",
    ],
    text: [typeof value === "string" && value !== "", "a text"],
    schedule: [
      ["constant", "heuristic", "heuristic_transient"].includes(value as string),
      '"constant", "heuristic" or "heuristic_transient"',
    ],
    layers: [
      value === "low" || value === "high" || (Array.isArray(value) && value.length > 0 && value.every(isId)),
      '"low", "high" or a list of layers',
    ],
    words: [
      Array.isArray(value) && value.length > 0 && value.every((word) => isLists([word]) || isLists(word)),
      "a list of lists of token ids, or of lists of such lists",
    ],
    earlyStopping: [typeof value === "boolean" || value === "never", 'true, false or "never"'],
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
  check(fits, "usage", () => `generation: ${name} must be ${expected}; got ${JSON.stringify(value)}`);
}
