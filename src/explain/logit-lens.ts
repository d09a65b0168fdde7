import type { Model } from "../inference/index.ts";
import { argmax, type HostTensor, softmax } from "../tensor/index.ts";
import { type ExplainInput, idsOf, type Outcome, topOutcomes } from "./input.ts";

/** Options of the logit lens. */
export interface LogitLensOptions {
  /** Positions of the text, from 0; default the last. */
  readonly positions?: readonly number[];
  /** The number of tokens to name for each layer and position; default 5. */
  readonly top?: number;
  /** The tokens that an encoder–decoder has written, with its start token; positions are of these. */
  readonly decoderIds?: readonly number[];
}

/** The prediction that a layer's states hold at a position. */
export interface LensPrediction {
  /** 0: the embeddings; L: what the model answers. */
  readonly layer: number;
  /** The position in the text. */
  readonly position: number;
  /** The most probable next tokens. */
  readonly top: readonly Outcome[];
  /** The place of the model's final choice among this layer's tokens, from 1. */
  readonly rank: number;
  /** The probability that this layer gives the model's final choice. */
  readonly probability: number;
  /** The entropy of this layer's distribution, in bits. */
  readonly entropy: number;
}

/**
 * The logit lens (nostalgebraist, 2020): the model's own norm and head, applied to the states between its layers.
 *
 * @returns one prediction a layer, and within a layer one a position, from the embeddings to the model's answer
 * @throws LecternError with code `unsupported` for a model that predicts no tokens or has no stack of layers
 */
export async function logitLens(
  model: Model,
  input: ExplainInput,
  { positions, top = 5, decoderIds }: LogitLensOptions = {},
): Promise<LensPrediction[]> {
  const ids = idsOf(model, input, "logitLens");
  const read = decoderIds ?? ids;
  const wanted = positions ?? [read.length - 1];
  const { layerLogits = [] } = await model.forward(
    { inputIds: [ids], ...(decoderIds && { decoderInputIds: [decoderIds] }) },
    { layerLogits: wanted },
  );
  return predictionsOf(model, layerLogits, wanted, top);
}

/** The predictions in the layers' logits at some positions: `[1, N, V]` a layer, of which the last is the model's answer. */
export function predictionsOf(
  model: Model,
  layerLogits: readonly HostTensor<"float32">[],
  wanted: readonly number[],
  top: number,
): LensPrediction[] {
  const final = layerLogits.at(-1) as HostTensor<"float32">;
  const vocabulary = final.shape[2] as number;
  const row = ({ data }: HostTensor<"float32">, i: number): Float32Array =>
    data.subarray(i * vocabulary, (i + 1) * vocabulary);
  const chosen = wanted.map((_, i) => argmax(row(final, i)));
  return layerLogits.flatMap((logits, layer) =>
    wanted.map((position, i) => {
      const scores = row(logits, i);
      const id = chosen[i] as number;
      const probabilities = softmax(scores);
      const rank = 1 + scores.reduce((count, score) => count + Number(score > (scores[id] as number)), 0);
      return {
        layer,
        position,
        top: topOutcomes(model, scores, top),
        rank,
        probability: probabilities[id] as number,
        entropy: entropyOf(probabilities),
      };
    }),
  );
}

/** In bits. */
export function entropyOf(probabilities: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i] as number;
    if (p > 0) sum -= p * Math.log2(p);
  }
  return sum;
}
