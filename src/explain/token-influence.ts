import { check } from "../common/index.ts";
import { type Model, traitsOf } from "../inference/index.ts";
import { type HostTensor, logSoftmax } from "../tensor/index.ts";
import { classesOf, type ExplainInput, idsOf, labelOf, largest, piecesOf, type TokenPiece } from "./input.ts";

/** The measures of a token's influence. */
export type InfluenceMethod = "leave-one-out" | "gradient-x-input";

/** Options of token influence. */
export interface TokenInfluenceOptions {
  /** Default "leave-one-out". */
  readonly method?: InfluenceMethod;
  /** The id of the next token, or of the class, whose probability is explained; default the most probable. */
  readonly target?: number;
  /** The tokens that an encoder–decoder has written, with its start token. */
  readonly decoderIds?: readonly number[];
}

/** A token with its influence on a prediction. */
export interface InfluentialToken extends TokenPiece {
  /**
   * In nats of the target's log-probability: positive where the token speaks for the target. 0 for tokens of the
   * template, which are never left out.
   */
  readonly influence: number;
}

/** The influence of each token on the probability of one outcome. */
export interface TokenInfluence {
  /** The outcome that is explained. */
  readonly target: { readonly id: number; readonly label: string; readonly probability: number };
  /** The tokens of the text. */
  readonly tokens: readonly InfluentialToken[];
}

/** Scores that are computed at once, at most. */
const MOST_SCORES = 1 << 24;

/**
 * The influence of each token on the next token, or on the class of the text.
 *
 * - `leave-one-out`: log p(target | text) − log p(target | text without the token).
 * - `gradient-x-input`: Σ ∂ log p(target) / ∂e · e over the entries of the token's embedding e (Shrikumar et al., 2016).
 *
 * @throws LecternError with code `unsupported` for models that predict neither tokens nor classes of texts
 */
export async function tokenInfluence(
  model: Model,
  input: ExplainInput,
  { method = "leave-one-out", target, decoderIds }: TokenInfluenceOptions = {},
): Promise<TokenInfluence> {
  const ids = idsOf(model, input, "tokenInfluence");
  const decoder = decoderIds && { decoderInputIds: [decoderIds] };
  const [whole] = await lastScores(model, [ids], decoder?.decoderInputIds);
  const logProbs = logProbsOf(whole as Float32Array);
  const id = target ?? (largest(logProbs, 1)[0] as number);
  check(id < logProbs.length, "usage", () => `tokenInfluence: target must be below ${logProbs.length}; got ${id}`);
  const logProb = logProbs[id] as number;
  const pieces = piecesOf(model, ids);
  const influences =
    method === "leave-one-out"
      ? await leaveOneOut(model, { ids, pieces, decoderIds, id, logProb })
      : await gradientTimesInput(model, { ids, decoderIds, id });
  return {
    target: { id, label: labelOf(model, id), probability: Math.exp(logProb) },
    tokens: pieces.map((piece, i) => ({ ...piece, influence: influences[i] as number })),
  };
}

function logProbsOf(scores: Float32Array): Float32Array {
  const logProbs = Float32Array.from(scores);
  logSoftmax(logProbs);
  return logProbs;
}

interface Explained {
  readonly ids: readonly number[];
  readonly decoderIds: readonly number[] | undefined;
  /** The target. */
  readonly id: number;
}

async function leaveOneOut(
  model: Model,
  { ids, pieces, decoderIds, id, logProb }: Explained & { pieces: readonly TokenPiece[]; logProb: number },
): Promise<number[]> {
  const influences = ids.map(() => 0);
  const { isCausal } = traitsOf(model.kind);
  const left = [...ids.keys()].filter((i) => ids.length > 1 && (isCausal || !pieces[i]?.isSpecial));
  const step = Math.max(1, Math.floor(MOST_SCORES / (ids.length * Number(model.config.vocab_size ?? 1))));
  for (let start = 0; start < left.length; start += step) {
    const chunk = left.slice(start, start + step);
    const rows = chunk.map((i) => ids.filter((_, at) => at !== i));
    const scores = await lastScores(model, rows, decoderIds && chunk.map(() => decoderIds));
    for (const [row, i] of chunk.entries())
      influences[i] = logProb - (logProbsOf(scores[row] as Float32Array)[id] as number);
  }
  return influences;
}

async function gradientTimesInput(model: Model, { ids, decoderIds, id }: Explained): Promise<number[]> {
  const ignored = -100;
  const isClass = classesOf(model) !== undefined;
  const read = decoderIds ?? ids;
  // A decoder's labels are those of the next token, so the target follows the text as one more token that nothing reads.
  const isShifted = !isClass && decoderIds === undefined && !model.isEncoder;
  const inputIds = [isShifted ? [...ids, id] : ids];
  const labels = isClass
    ? [id]
    : [[...new Array<number>(read.length - 1).fill(ignored), ...(isShifted ? [ignored] : []), id]];
  const { inputGradients, hiddenStates, encoderHiddenStates } = await model.forward(
    { inputIds, labels, ...(decoderIds && { decoderInputIds: [decoderIds] }) },
    { inputGradients: true, hiddenStates: true },
  );
  const { data, shape } = inputGradients as HostTensor<"float32">;
  const embeddings = (encoderHiddenStates ?? hiddenStates)?.[0] as HostTensor<"float32">;
  const size = shape[2] as number;
  return ids.map((_, i) => {
    let sum = 0;
    for (let e = i * size; e < (i + 1) * size; e++) sum -= (data[e] as number) * (embeddings.data[e] as number);
    return sum;
  });
}

/** The scores that predict what follows each row, or the row's class. */
async function lastScores(
  model: Model,
  inputIds: readonly (readonly number[])[],
  decoderInputIds?: readonly (readonly number[])[],
): Promise<Float32Array[]> {
  const { logits } = await model.forward({ inputIds, ...(decoderInputIds && { decoderInputIds }) });
  check(
    logits !== undefined && (logits.shape.length === 2 || !model.isEncoder),
    "unsupported",
    () => `tokenInfluence: this ${model.family} predicts neither the next token nor a class of the text`,
  );
  const { data, shape } = logits as HostTensor<"float32">;
  const [rows, size] = [shape[0] as number, shape.at(-1) as number];
  const length = shape.length === 3 ? (shape[1] as number) : 1;
  return Array.from({ length: rows }, (_, row) =>
    data.subarray((row * length + length - 1) * size, (row + 1) * length * size),
  );
}
