import { LecternError } from "../common/index.ts";
import { type Model, traitsOf } from "../inference/index.ts";
import { type ExplainInput, idsOf, piecesOf } from "./input.ts";
import { entropyOf } from "./logit-lens.ts";

/** The places that a head may attend to more than evenly. */
export type HeadHabit = "previous" | "next" | "current" | "first" | "same" | "punctuation";

/** The habits of one attention head over one text. */
export interface HeadMeasures {
  /** The layer, from 0. */
  readonly layer: number;
  /** The head, from 0. */
  readonly head: number;
  /**
   * The mean share of attention on the previous, the next and the current token, the first token, earlier occurrences
   * of the same token, and punctuation. A mean is over the tokens that have such a place.
   */
  readonly shares: Readonly<Record<HeadHabit, number>>;
  /** The same shares of even attention, by which a share is judged. */
  readonly even: Readonly<Record<HeadHabit, number>>;
  /** The habit whose share exceeds even attention the most. */
  readonly habit: HeadHabit;
  /** The mean entropy of the attention, in bits. */
  readonly entropy: number;
}

const habits: readonly HeadHabit[] = ["previous", "next", "current", "first", "same", "punctuation"];

/**
 * Measures what each self-attention head attends to in a text.
 *
 * @returns the heads in the order of their layers
 * @throws LecternError with code `unsupported` for models without attention
 */
export async function headMeasures(model: Model, input: ExplainInput): Promise<HeadMeasures[]> {
  const ids = idsOf(model, input, "headMeasures");
  const { attentions, encoderAttentions } = await model.forward({ inputIds: [ids] }, { attentions: true });
  const layers = attentions ?? encoderAttentions;
  if (!layers) throw new LecternError("unsupported", `headMeasures: this ${model.family} has no attention`);
  const text = { ids, tokens: piecesOf(model, ids).map(({ token }) => token), isCausal: traitsOf(model.kind).isCausal };
  return layers.flatMap(({ data, shape }, layer) => {
    const [, heads, length] = shape as [number, number, number, number];
    return Array.from({ length: heads }, (_, head) => {
      const at = head * length * length;
      return measure(data.subarray(at, at + length * length), text, { layer, head });
    });
  });
}

interface MeasuredText {
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
  readonly isCausal: boolean;
}

/** @param weights `[T, T]` of one head */
function measure(weights: Float32Array, text: MeasuredText, place: { layer: number; head: number }): HeadMeasures {
  const length = text.ids.length;
  const shares = sharesOf((query, key) => weights[query * length + key] as number, text);
  const even = sharesOf((query, key) => {
    if (!text.isCausal) return 1 / length;
    return key > query ? 0 : 1 / (query + 1);
  }, text);
  const habit = habits.reduce((best, each) => (shares[each] - even[each] > shares[best] - even[best] ? each : best));
  const rows = Array.from({ length }, (_, i) => entropyOf(weights.subarray(i * length, (i + 1) * length)));
  const entropy = rows.reduce((sum, bits) => sum + bits, 0) / length;
  return { ...place, shares, even, habit, entropy };
}

function sharesOf(
  weight: (query: number, key: number) => number,
  { ids, tokens, isCausal }: MeasuredText,
): Record<HeadHabit, number> {
  const queries = [...ids.keys()].slice(1); // the first token of a decoder has nothing but itself to attend to
  const keys = (query: number): number[] => [...ids.keys()].slice(0, isCausal ? query + 1 : ids.length);
  const mean = (places: (query: number) => readonly number[]): number => {
    const having = queries.map((query) => ({ query, at: places(query) })).filter(({ at }) => at.length > 0);
    const sum = having.reduce((total, { query, at }) => total + at.reduce((s, key) => s + weight(query, key), 0), 0);
    return having.length === 0 ? 0 : sum / having.length;
  };
  const isMark = (key: number): boolean => /^[\s▁Ġ]*\p{P}+$/u.test(tokens[key] as string);
  return {
    previous: mean((query) => [query - 1]),
    next: mean((query) => (isCausal || query + 1 >= ids.length ? [] : [query + 1])),
    current: mean((query) => [query]),
    first: mean(() => [0]),
    same: mean((query) => keys(query).filter((key) => key !== query && ids[key] === ids[query])),
    punctuation: mean((query) => keys(query).filter((key) => key !== query && isMark(key))),
  };
}
