import { check, LecternError } from "../common/index.ts";
import { piecesOf } from "../explain/index.ts";
import type { Candidate, TokenEvent } from "../generation/index.ts";
import type { GenerateInput, GenerateOptions, Model } from "../inference/index.ts";

type Input = string | readonly number[];

/** The generation options that a page may set: none that reads a file or runs a function. */
const ALLOWED: ReadonlySet<string> = new Set([
  "doSample",
  "earlyStopping",
  "encoderNoRepeatNgramSize",
  "eosTokenId",
  "epsilonCutoff",
  "etaCutoff",
  "lengthPenalty",
  "maxNewTokens",
  "minNewTokens",
  "minP",
  "noRepeatNgramSize",
  "numBeams",
  "repetitionPenalty",
  "seed",
  "stopStrings",
  "temperature",
  "topK",
  "topP",
  "typicalP",
]);

/** The most new tokens of a call, and the most draws. */
const MOST_TOKENS = 512;
const MOST_DRAWS = 2000;

/** A token that may come next, with its text. */
export interface StudioCandidate extends Candidate {
  readonly token: string;
}

/** A step of a generation. */
export interface StudioStep {
  readonly id: number;
  readonly token: string;
  readonly candidates: readonly StudioCandidate[];
}

/** A generation step by step. */
export interface StudioGeneration {
  readonly inputIds: readonly number[];
  readonly steps: readonly StudioStep[];
  readonly text: string;
  readonly finishReason: string;
}

function optionsOf(model: Model, options: Readonly<Record<string, unknown>>): GenerateOptions {
  check(
    !model.isEncoder,
    "unsupported",
    () => `this ${model.family} is an encoder: it reads a text and writes none; open the view of heads or of sentiment`,
  );
  const unknown = Object.keys(options).find((name) => !ALLOWED.has(name));
  if (unknown !== undefined) throw new LecternError("usage", `studio: the option ${unknown} cannot be set from a page`);
  check(
    Number(options.maxNewTokens ?? 0) <= MOST_TOKENS,
    "usage",
    () => `studio: maxNewTokens must be at most ${MOST_TOKENS}; got ${options.maxNewTokens}`,
  );
  return options as GenerateOptions;
}

function asInput(input: Input): GenerateInput {
  return typeof input === "string" ? { prompt: input } : { inputIds: [input] };
}

/** Generates a text, with the most probable tokens of each step and what each option did to them. */
export async function generateSteps(
  model: Model,
  input: Input,
  { options = {}, candidates = 10 }: { readonly options?: Record<string, unknown>; readonly candidates?: number },
): Promise<StudioGeneration> {
  const events: TokenEvent[] = [];
  const settings = { numBeams: 1, maxNewTokens: 20, ...optionsOf(model, options) };
  const onToken = (event: TokenEvent): unknown => events.push(event);
  const { inputIds, text, finishReason } = await model.generate(asInput(input), { ...settings, candidates, onToken });
  const token = (id: number): string => piecesOf(model, [id])[0]?.token ?? String(id);
  const steps = events.map((event) => ({
    id: event.id,
    token: token(event.id),
    candidates: (event.candidates ?? []).map((candidate) => ({ ...candidate, token: token(candidate.id) })),
  }));
  return { inputIds: inputIds[0] as readonly number[], steps, text, finishReason };
}

/** A token that was drawn, and how often. */
export interface StudioDraw {
  readonly id: number;
  readonly token: string;
  readonly count: number;
}

/** Draws the next token many times, each time from its own random numbers. */
export async function drawTokens(
  model: Model,
  input: Input,
  { options = {}, count }: { readonly options?: Record<string, unknown>; readonly count: number },
): Promise<StudioDraw[]> {
  check(count <= MOST_DRAWS, "usage", () => `studio: draw at most ${MOST_DRAWS} times; got ${count}`);
  const settings = { ...optionsOf(model, options), doSample: true, maxNewTokens: 1, numReturnSequences: count };
  const { sequences } = await model.generate(asInput(input), settings);
  const counts = new Map<number, number>();
  for (const { outputIds } of sequences) {
    const id = outputIds[0] as number;
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  const drawn = [...counts].map(([id, times]) => ({ id, token: piecesOf(model, [id])[0]?.token ?? "", count: times }));
  return drawn.sort((a, b) => b.count - a.count || a.id - b.id);
}

/** A hypothesis of a beam search. */
export interface StudioBeam {
  readonly ids: readonly number[];
  /** What each token adds to the text, with its space. */
  readonly tokens: readonly string[];
  /** The log-probability, divided by the length. */
  readonly score: number;
  readonly text: string;
}

/** The best hypotheses of a beam search, the best first. */
export async function searchBeams(
  model: Model,
  input: Input,
  { options = {}, beams }: { readonly options?: Record<string, unknown>; readonly beams: number },
): Promise<StudioBeam[]> {
  check(beams >= 2 && beams <= 12, "usage", () => `studio: beams must be 2 to 12; got ${beams}`);
  const settings = { ...optionsOf(model, options), numBeams: beams, numReturnSequences: beams };
  const { sequences } = await model.generate(asInput(input), { ...settings, doSample: false });
  return sequences.map(({ outputIds, score = 0, text }) => {
    const written = (count: number): string => model.tokenizer?.decode(outputIds.slice(0, count)) ?? "";
    const tokens = outputIds.map((id, i) => written(i + 1).slice(written(i).length) || String(id));
    return { ids: outputIds, tokens, score, text };
  });
}
