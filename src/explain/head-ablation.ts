import { check } from "../common/index.ts";
import type { Model } from "../inference/index.ts";
import { type HostTensor, softmax } from "../tensor/index.ts";
import { type ExplainInput, idsOf, type Outcome, topOutcomes } from "./input.ts";

/** An attention head, by its layer and its place in it, from 0. */
export interface HeadPlace {
  /** The layer, from 0. */
  readonly layer: number;
  /** The head, from 0. */
  readonly head: number;
}

/** Options of head ablation. */
export interface HeadAblationOptions {
  /** The number of outcomes to name; default 5. */
  readonly top?: number;
  /** The position whose prediction is compared, from 0; default the last. A classifier has one prediction a text. */
  readonly position?: number;
}

/** A prediction with all heads, and without some. */
export interface HeadAblation {
  /** The most probable tokens or classes with all heads. */
  readonly before: readonly Outcome[];
  /** The same without the heads. */
  readonly after: readonly Outcome[];
  /** The Kullback–Leibler divergence of the second prediction from the first, in bits; 0: nothing changed. */
  readonly divergence: number;
}

/**
 * Switches attention heads off, by setting what they yield to zero, and compares the predictions.
 *
 * @param heads the heads that are switched off together
 * @throws LecternError with code `unsupported` for recurrent models and encoder–decoders
 */
export async function ablateHeads(
  model: Model,
  input: ExplainInput,
  heads: readonly HeadPlace[],
  { top = 5, position }: HeadAblationOptions = {},
): Promise<HeadAblation> {
  const ids = idsOf(model, input, "ablateHeads");
  const size = headCounts(model);
  for (const { layer, head } of heads)
    check(
      layer < size.layers && head < size.heads,
      "usage",
      () =>
        `ablateHeads: there is no head ${head} in layer ${layer}: the model has ${size.layers} layers of ${size.heads}`,
    );
  const run = scoring(model, ids, position);
  const [before, after] = [await run(maskOf(size, [])), await run(maskOf(size, heads))];
  return {
    before: topOutcomes(model, before, top),
    after: topOutcomes(model, after, top),
    divergence: divergenceOf(before, after),
  };
}

/**
 * The divergence of the prediction where one head alone is switched off, for every head, in bits: how much the
 * prediction depends on each.
 *
 * @returns `[L][H]`
 */
export async function headImportance(
  model: Model,
  input: ExplainInput,
  { position }: Pick<HeadAblationOptions, "position"> = {},
): Promise<number[][]> {
  const ids = idsOf(model, input, "headImportance");
  const size = headCounts(model);
  const run = scoring(model, ids, position);
  const whole = await run(maskOf(size, []));
  const importance: number[][] = [];
  for (let layer = 0; layer < size.layers; layer++) {
    const row: number[] = [];
    for (let head = 0; head < size.heads; head++)
      row.push(divergenceOf(whole, await run(maskOf(size, [{ layer, head }]))));
    importance.push(row);
  }
  return importance;
}

interface HeadCounts {
  readonly layers: number;
  readonly heads: number;
}

/** The attention heads of a decoder or an encoder; 0 where the config names none. */
function headCounts({ config }: Model): HeadCounts {
  const number = (...names: string[]): number => Number(names.map((name) => config[name]).find(Number.isInteger) ?? 0);
  return {
    layers: number("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    heads: number("num_attention_heads", "n_head", "n_heads"),
  };
}

function maskOf({ layers, heads }: HeadCounts, off: readonly HeadPlace[]): number[][] {
  const mask = Array.from({ length: layers }, () => new Array<number>(heads).fill(1));
  for (const { layer, head } of off) (mask[layer] as number[])[head] = 0;
  return mask;
}

/** Scores of a position, or of a text's classes, under a head mask. */
function scoring(model: Model, ids: readonly number[], position = ids.length - 1) {
  return async (headMask: readonly (readonly number[])[]): Promise<Float32Array> => {
    const { logits } = await model.forward({ inputIds: [ids] }, { headMask });
    const { data, shape } = logits as HostTensor<"float32">;
    const size = shape.at(-1) as number;
    return shape.length === 2 ? data : data.subarray(position * size, (position + 1) * size);
  };
}

/** Σ p log₂(p / q) of the distributions of two rows of scores. */
function divergenceOf(before: Float32Array, after: Float32Array): number {
  const [p, q] = [softmax(before), softmax(after)];
  let sum = 0;
  for (const [i, x] of p.entries()) if (x > 0) sum += x * Math.log2(x / Math.max(q[i] as number, Number.MIN_VALUE));
  return Math.max(0, sum);
}
