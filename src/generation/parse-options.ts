import { checkValue, type ErrorCode, isObject, LecternError, ownEntry, shown, unknownField } from "../common/index.ts";
import { optionKinds } from "./option-kinds.ts";
import { optionNames, optionTable } from "./option-table.ts";
import type { GenerationOptions } from "./options.ts";
import { checkSampling } from "./sampling.ts";

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

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * Reads a caller's options under their camel-case or snake_case names. An option that is not known is refused, one that
 * is not honoured unless its value changes nothing, and those that contradict each other.
 */
export function parseOptions(raw: Readonly<Record<string, unknown>>): GenerationOptions {
  if (!isObject(raw)) throw new LecternError("usage", `generation: the options must be an object; got ${shown(raw)}`);
  const options = read(raw, "generation", "usage", (name) => {
    const known = name.includes("_") ? optionNames.map(snakeCase) : optionNames;
    throw unknownField("generation", name, known);
  });
  checkSampling(options);
  return options;
}

/**
 * Reads a checkpoint's options, of its `generation_config.json` or `config.json`. As in transformers, a field that is
 * not known changes nothing, and a token id below 0 is no token.
 */
export function parseCheckpointOptions(raw: Readonly<Record<string, unknown>>): GenerationOptions {
  return read(raw, "generation_config.json", "config", () => {}, withoutNegativeIds);
}

/** Token ids of a checkpoint, without those below 0. */
function withoutNegativeIds(kind: string, value: unknown): unknown {
  if (kind !== "id" && kind !== "ids") return value;
  const isNone = (id: unknown): boolean => Number.isSafeInteger(id) && Number(id) < 0;
  return Array.isArray(value) ? value.filter((id) => !isNone(id)) : isNone(value) ? null : value;
}

function read(
  raw: Readonly<Record<string, unknown>>,
  source: string,
  code: ErrorCode,
  onUnknown: (name: string) => void,
  prepare: (kind: string, value: unknown) => unknown = (_, value) => value,
): GenerationOptions {
  const parsed: Record<string, unknown> = {};
  for (const [key, given] of Object.entries(raw)) {
    const name = camelCase(key.replace(/^_/, ""));
    if (given === undefined || inert.has(name)) continue;
    if (Object.hasOwn(optionTable, name)) {
      const { kind } = optionTable[name as keyof GenerationOptions];
      const value = prepare(kind, given);
      if (value === null && name !== "eosTokenId") continue;
      checkValue(`${source}: ${key}`, value, optionKinds[kind], code);
      if (Object.hasOwn(parsed, name) && parsed[name] !== value)
        throw new LecternError(code, `${source}: ${name} and ${key} are one option; got two values: leave one out`);
      parsed[name] = value;
    } else if (Object.hasOwn(refused, name)) {
      const { why, neutral } = ownEntry(refused, name) as (typeof refused)[string];
      if (given !== null && !neutral.includes(given))
        throw new LecternError(
          "unsupported",
          `${source}: ${key} = ${shown(given)} cannot be honoured: ${why}; leave it out`,
        );
    } else onUnknown(key);
  }
  return parsed;
}

/** Options of Lectern's own, which transformers does not know. */
const ownOptions: ReadonlySet<string> = new Set(["seed", "logitBias", "frequencyPenalty", "presencePenalty"]);

/** Options of what results show and of how they are computed, not of what is generated. */
const reporting: ReadonlySet<string> = new Set(["outputAttentions", "outputHiddenStates", "useCache"]);

/**
 * The fields of `config.json` that say how to generate: what transformers reads where a model has no
 * `generation_config.json`, as older ones have none.
 */
export function generationFields(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const counts = (key: string): boolean => {
    const name = camelCase(key);
    if (name === "bosTokenId" || name === "padTokenId") return true;
    return Object.hasOwn(optionTable, name) && !ownOptions.has(name) && !reporting.has(name);
  };
  return Object.fromEntries(Object.entries(config).filter(([key, value]) => value !== null && counts(key)));
}
