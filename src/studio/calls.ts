import {
  check,
  checkFields,
  isListOf,
  isTokenIds,
  LecternError,
  ownEntry,
  type Rules,
  rules,
} from "../common/index.ts";
import {
  ablateHeads,
  classesOf,
  type HeadPlace,
  headImportance,
  headMeasures,
  type InfluenceMethod,
  logitLens,
  type Outcome,
  tokenInfluence,
  topOutcomes,
  wordContexts,
} from "../explain/index.ts";
import type { LogLikelihoodRequest, Model } from "../inference/index.ts";
import { type FilledMask, pipeline } from "../pipelines/index.ts";
import { describeModel } from "./describe.ts";
import { drawTokens, generateSteps, searchBeams } from "./generation.ts";
import { traceText } from "./trace.ts";

/** The arguments of a call, as JSON has them. */
export type StudioArguments = Readonly<Record<string, unknown>>;

type Answer = (model: Model, args: StudioArguments) => unknown;

interface CallEntry {
  readonly takes: Rules;
  readonly needs: readonly string[];
  readonly answer: Answer;
}

const ids = { fits: isTokenIds, expected: "a list of token ids" };
const maybeIds = { fits: (value: unknown) => value === null || isTokenIds(value), expected: ids.expected };
const isHead = (value: unknown): boolean => {
  const { layer, head } = (value ?? {}) as Record<string, unknown>;
  return rules.size.fits(layer) && rules.size.fits(head);
};
const isPair = (value: unknown): boolean => {
  const { context, continuation } = (value ?? {}) as Record<string, unknown>;
  return typeof context === "string" && typeof continuation === "string";
};
const heads = {
  fits: (value: unknown) => Array.isArray(value) && value.every(isHead),
  expected: "a list of { layer, head }",
};

const input = (args: StudioArguments): string | number[] => (args.ids ?? args.text) as string | number[];
const common: Rules = { text: rules.text, ids };

/** The calls of the studio by name: what each takes, and the library function that answers it. */
const calls: Readonly<Record<string, CallEntry>> = {
  describe: { takes: {}, needs: [], answer: (model) => describeModel(model) },
  trace: {
    takes: { ...common, window: rules.count, decoderIds: maybeIds, positions: maybeIds, top: rules.count },
    needs: [],
    answer: (model, args) => traceText(model, input(args), args as never),
  },
  lens: {
    takes: { ...common, positions: ids, top: rules.count, decoderIds: maybeIds },
    needs: [],
    answer: (model, { positions, top, decoderIds, ...args }) =>
      logitLens(model, input(args), given({ positions, top, decoderIds })),
  },
  generate: {
    takes: { ...common, options: rules.object, candidates: rules.count },
    needs: [],
    answer: (model, args) => generateSteps(model, input(args), args as never),
  },
  draw: {
    takes: { ...common, options: rules.object, count: rules.count },
    needs: ["count"],
    answer: (model, args) => drawTokens(model, input(args), args as never),
  },
  beams: {
    takes: { ...common, beams: rules.count, options: rules.object },
    needs: ["beams"],
    answer: (model, args) => searchBeams(model, input(args), args as never),
  },
  influence: {
    takes: { ...common, method: rules.text, target: rules.size, decoderIds: maybeIds },
    needs: [],
    answer: (model, { method, target, decoderIds, ...args }) =>
      tokenInfluence(model, input(args), given({ method: method as InfluenceMethod, target, decoderIds })),
  },
  ablate: {
    takes: { ...common, heads, top: rules.count, position: rules.size },
    needs: ["heads"],
    answer: (model, { top, position, ...args }) =>
      ablateHeads(model, input(args), args.heads as HeadPlace[], given({ top, position })),
  },
  importance: { takes: common, needs: [], answer: (model, args) => headImportance(model, input(args)) },
  heads: { takes: common, needs: [], answer: (model, args) => headMeasures(model, input(args)) },
  words: {
    takes: { texts: rules.texts, word: rules.name },
    needs: ["texts", "word"],
    answer: (model, { texts, word }) => wordContexts(model, texts as [string, string], word as string),
  },
  score: {
    takes: { pairs: { fits: (value) => isListOf(value, isPair), expected: "a list of { context, continuation }" } },
    needs: ["pairs"],
    answer: async (model, { pairs }) => {
      const scores = await model.logLikelihood(pairs as LogLikelihoodRequest[]);
      return scores.map(({ logLikelihood }) => Math.exp(logLikelihood));
    },
  },
  fill: {
    takes: { text: rules.text, top: rules.count },
    needs: ["text"],
    answer: (model, { text, top }) => fillMasks(model, text as string, top as number | undefined),
  },
  classify: {
    takes: { ...common, top: rules.count },
    needs: [],
    answer: (model, args) => classifyText(model, args),
  },
};

/** Leaves out what is null or undefined: JSON has no undefined. */
function given<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } & GivenTypes {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null)) as never;
}

/** Fields whose type the rules of a call have checked. */
interface GivenTypes {
  readonly positions?: number[];
  readonly top?: number;
  readonly target?: number;
  readonly position?: number;
  readonly decoderIds?: number[];
}

/** The classes of a text with their probabilities. */
async function classifyText(model: Model, { top = 10, ...args }: StudioArguments): Promise<Outcome[]> {
  check(
    classesOf(model) !== undefined,
    "unsupported",
    () => `classify: this ${model.family} has no classes of texts; open a classifier, such as sentiment`,
  );
  const read = input(args);
  const row = typeof read === "string" ? model.tokenizer?.encode(read).ids : read;
  const { logits } = await model.forward({ inputIds: [row ?? []] });
  return topOutcomes(model, logits?.data as Float32Array, top as number);
}

/** The most probable words for each mask of a text. */
async function fillMasks(model: Model, text: string, topK = 8): Promise<Outcome[][]> {
  const fill = await pipeline("fill-mask", model);
  const filled = [await fill(text, { topK })].flat();
  const masks = (Array.isArray(filled[0]) ? filled : [filled]) as FilledMask[][];
  return masks.map((words) =>
    words.map(({ token, token_str, score }) => ({ id: token, label: token_str, probability: score })),
  );
}

/**
 * Answers one call of the studio page: the library's functions by name, with arguments and results that JSON can
 * hold (arrays of numbers apart, which are `Float32Array`).
 *
 * @param name describe, trace, lens, generate, draw, beams, influence, ablate, importance, heads, words, score,
 *   fill or classify
 * @throws LecternError with code `usage` for a call or an argument that there is not
 */
export async function studioCall(model: Model, name: string, args: StudioArguments = {}): Promise<unknown> {
  const entry = ownEntry(calls, name);
  if (!entry)
    throw new LecternError("usage", `studio: there is no call ${name}; there are ${Object.keys(calls).join(", ")}`);
  checkFields(`studio: ${name}`, args, entry.takes, "argument");
  const missing = entry.needs.find((need) => args[need] === undefined);
  check(missing === undefined, "usage", () => `studio: ${name} needs ${missing}`);
  const readsText = "ids" in entry.takes;
  check(
    !readsText || (args.text === undefined) !== (args.ids === undefined),
    "usage",
    () => `studio: ${name} needs text or ids, one of them`,
  );
  return entry.answer(model, args);
}
