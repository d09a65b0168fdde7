import {
  check,
  checkFields,
  checkValue,
  isListOf,
  isObject,
  isTokenId,
  isTokenIds,
  LecternError,
  type Rules,
  rules,
  shown,
  unknownField,
} from "../common/index.ts";
import { devices } from "../runtime/index.ts";
import { priorityNames } from "./admission.ts";
import type { ForwardOptions } from "./forward.ts";
import type { GenerateInput } from "./generate-call.ts";
import type { LoadOptions } from "./load-options.ts";
import type { LogLikelihoodOptions } from "./log-likelihood.ts";
import { precisions } from "./quantize-model.ts";
import type { EmbedOptions } from "./sentence-encoder.ts";
import { MOST_LOG_PROBS } from "./token-scores.ts";

/** The most threads of one session: far more than there are cores only wait for each other, for minutes. */
const MOST_THREADS = 64;

const loadRules: Readonly<Record<keyof LoadOptions, Rules[string]>> = {
  threads: {
    fits: (value) => rules.count.fits(value) && Number(value) <= MOST_THREADS,
    expected: `a whole number from 1 to ${MOST_THREADS}, or left out for the engine's choice`,
  },
  device: {
    fits: (value) => devices.some((device) => device === value),
    expected: `one of ${devices.join(", ")}`,
  },
  precision: {
    fits: (value) => precisions.some((precision) => precision === value),
    expected: `one of ${precisions.join(", ")}`,
  },
  prefixCacheBytes: rules.size,
  maxSequences: rules.count,
  maxCacheBytes: rules.count,
  base: rules.name,
  force: rules.flag,
  families: {
    fits: (value) => isListOf(value, (own) => isObject(own) && rules.name.fits(own.modelType) && isObject(own.family)),
    expected: "a list of families, as defineFamily makes them",
  },
  revision: rules.name,
  cacheDir: rules.name,
  offline: rules.flag,
  onProgress: rules.function,
  onWarning: rules.function,
  signal: rules.signal,
};

function checkPlace(what: string, name: unknown): void {
  check(
    rules.name.fits(name),
    "usage",
    () => `${what}: the model must be a directory, a bundled model's name or owner/name; got ${shown(name)}`,
  );
}

/** Checks what a model is loaded by. */
export function checkLoad(name: unknown, options: unknown): void {
  checkPlace("loadModel", name);
  checkFields("loadModel", options, loadRules);
}

const {
  threads,
  device,
  precision,
  prefixCacheBytes,
  maxSequences,
  maxCacheBytes,
  base,
  force,
  families,
  ...tokenizerRules
} = loadRules;

/** Checks what a tokenizer is loaded by. */
export function checkTokenizerLoad(name: unknown, options: unknown): void {
  checkPlace("loadTokenizer", name);
  checkFields("loadTokenizer", options, tokenizerRules);
}

/** The adapter of a request. */
const adapterName: Rules[string] = {
  fits: (value) => value === null || rules.name.fits(value),
  expected: "the name of an adapter that was added, or null for none",
};

const forwardRules: Readonly<Record<keyof ForwardOptions, Rules[string]>> = {
  hiddenStates: rules.flag,
  attentions: rules.flag,
  gradients: rules.flag,
  inputGradients: rules.flag,
  layerLogits: {
    fits: (value) => isListOf(value, isTokenId) && value.length > 0,
    expected: "a list of positions, as [0, 1]",
  },
  headMask: {
    fits: (value) => isListOf(value, (row) => isListOf(row, Number.isFinite)),
    expected: "rows of numbers, one row a layer, one number a head",
  },
  adapter: adapterName,
};

export function checkForwardOptions(options: unknown): void {
  checkFields("forward", options, forwardRules);
}

const embedRules: Readonly<Record<keyof EmbedOptions, Rules[string]>> = {
  batchSize: rules.count,
  signal: rules.signal,
  onDone: rules.function,
  truncate: rules.flag,
  promptName: rules.text,
  dimensions: rules.count,
  prompt: rules.text,
};

export function checkEmbed(texts: unknown, options: unknown): void {
  check(
    rules.texts.fits(texts),
    "usage",
    () => `embed: the texts must be a list of texts, as ["one", "two"]; got ${shown(texts)}`,
  );
  checkFields("embed", options, embedRules);
}

const scoreRules: Readonly<Record<keyof LogLikelihoodOptions, Rules[string]>> = {
  batchSize: rules.count,
  signal: rules.signal,
  onDone: rules.function,
  adapter: adapterName,
};

const isPair = (value: unknown): boolean =>
  isObject(value) &&
  ((rules.text.fits(value.context) && rules.text.fits(value.continuation)) ||
    (isTokenIds(value.contextIds) && isTokenIds(value.continuationIds)));

/** Checks what is scored: pairs, or whole texts. */
export function checkLogLikelihood(
  what: "logLikelihood" | "textLogLikelihood",
  requests: unknown,
  options: unknown,
): void {
  const [fits, expected] =
    what === "textLogLikelihood"
      ? [rules.text.fits, 'texts, as ["one", "two"]']
      : [isPair, 'pairs, as [{ context: "2 + 2 =", continuation: " 4" }] or [{ contextIds, continuationIds }]'];
  check(
    isListOf(requests, fits),
    "usage",
    () => `${what}: the first argument must be a list of ${expected}; got ${shown(requests)}`,
  );
  checkFields(what, options, scoreRules);
}

/** The fields of `generate` beside the options of generation. */
const callRules: Rules = {
  signal: rules.signal,
  onToken: rules.function,
  logitsProcessor: rules.function,
  stoppingCriteria: rules.function,
  candidates: rules.count,
  logProbs: {
    fits: (value) => rules.size.fits(value) && Number(value) <= MOST_LOG_PROBS,
    expected: `a whole number from 0 to ${MOST_LOG_PROBS}`,
  },
  stopStringsIn: { fits: (value) => value === "text" || value === "output", expected: '"text" or "output"' },
  globalAttentionMask: {
    fits: (value) => isListOf(value, (row) => isListOf(row, (bit) => bit === 0 || bit === 1)),
    expected: "rows of 1 for a token that sees the whole text and 0 for the others",
  },
  schema: {
    fits: (value) => typeof value === "boolean" || isObject(value),
    expected: "a JSON Schema: an object, true or false",
  },
  regex: {
    fits: (value) => rules.text.fits(value) || value instanceof RegExp,
    expected: "a regular expression, as a text or a RegExp",
  },
  adapter: adapterName,
  priority: {
    fits: (value) => Number.isSafeInteger(value) || priorityNames.some((name) => name === value),
    expected: `${priorityNames.join(", ")} or a whole number`,
  },
};

/** Checks the options of `generate` that are not those of generation. */
export function checkCall(options: unknown): void {
  check(isObject(options), "usage", () => `generate: the options must be an object; got ${shown(options)}`);
  for (const [name, rule] of Object.entries(callRules)) {
    const value = options[name];
    if (value !== undefined) checkValue(`generate: ${name}`, value, rule);
  }
}

const isMessages = (value: unknown): boolean =>
  isListOf(value, (message) => isObject(message) && rules.text.fits(message.role)) && value.length > 0;

const inputRules: Readonly<Record<keyof GenerateInput, Rules[string]>> = {
  prompt: rules.text,
  prompts: {
    fits: (value) => rules.texts.fits(value) && (value as unknown[]).length > 0,
    expected: "a list of texts that is not empty",
  },
  inputIds: {
    fits: (value) => Array.isArray(value) && value.length > 0 && (isTokenIds(value) || isListOf(value, isTokenIds)),
    expected: "token ids, as [5, 6, 7], or rows of them: whole numbers from 0",
  },
  messages: { fits: isMessages, expected: 'a list of messages, as [{ role: "user", content: "Hello" }]' },
  chat: rules.object,
};

/** Checks token ids, of one prompt or of several; the first that is none is named. */
function checkTokens(value: unknown): void {
  const { fits, expected } = inputRules.inputIds;
  if (fits(value)) return;
  const ids = Array.isArray(value) ? value.flat() : [];
  const wrong = ids.find((id) => !isTokenId(id));
  const got = ids.length === 0 || wrong === undefined ? value : wrong;
  throw new LecternError("usage", `generate: inputIds must be ${expected}; got ${shown(got)}`);
}

/** Checks what text is generated from: one of a prompt, prompts, token ids and messages. */
export function checkInput(input: unknown): void {
  const names = Object.keys(inputRules);
  check(
    isObject(input),
    "usage",
    () => `generate: the input must be an object, as { prompt: "Once upon a time" }; got ${shown(input)}`,
  );
  for (const [name, value] of Object.entries(input)) {
    if (!Object.hasOwn(inputRules, name)) throw unknownField("generate", name, names, "input");
    if (name === "inputIds" && value !== undefined) checkTokens(value);
    else if (value !== undefined) checkValue(`generate: ${name}`, value, inputRules[name as keyof GenerateInput]);
  }
  const given = names.filter((name) => name !== "chat" && input[name] !== undefined);
  check(
    given.length === 1,
    "usage",
    () =>
      `generate: give one of prompt, prompts, inputIds and messages; got ${given.length === 0 ? "none" : given.join(" and ")}`,
  );
  check(
    input.chat === undefined || input.messages !== undefined,
    "usage",
    () => "generate: chat is for messages, which are missing",
  );
}

/** Checks the name of an adapter, and where it lies. */
export function checkAdapter(what: string, fields: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(fields)) checkValue(`${what}: ${name}`, value, rules.name);
}
