import { LecternError } from "../common/index.ts";
import type { Model } from "../inference/index.ts";
import type { HostTensor } from "../tensor/index.ts";

/** A word's similarity in two texts after one layer. */
export interface WordSimilarity {
  /** 0: the embeddings. */
  readonly layer: number;
  /** The cosine of the word's two hidden states, from −1 to 1. */
  readonly similarity: number;
}

/**
 * Compares a word's hidden states in two texts, layer by layer; of a word of several tokens, their mean.
 *
 * @param texts two texts with the word
 * @param word compared at its first occurrence in each text
 */
export async function wordContexts(
  model: Model,
  texts: readonly [string, string],
  word: string,
): Promise<WordSimilarity[]> {
  const [first, second] = [await wordStates(model, texts[0], word), await wordStates(model, texts[1], word)];
  return first.map((state, layer) => ({ layer, similarity: cosine(state, second[layer] as Float32Array) }));
}

/** A word's hidden state after each layer, the mean over its tokens; the first is that of the embeddings. */
async function wordStates(model: Model, text: string, word: string): Promise<Float32Array[]> {
  const { tokenizer } = model;
  if (!tokenizer)
    throw new LecternError("input", "compare: this model's directory has no tokenizer.json; use a model with one");
  const { ids, typeIds, offsets = [] } = tokenizer.encode(text, { offsets: true });
  const positions = tokensOf(text, word, offsets);
  const { hiddenStates, encoderHiddenStates } = await model.forward(
    { inputIds: [ids], tokenTypeIds: [typeIds] },
    { hiddenStates: true },
  );
  const states = encoderHiddenStates ?? hiddenStates ?? [];
  return states.map((state) => meanRow(state, positions));
}

/** The tokens that a word's first occurrence overlaps. @param offsets in code points, end exclusive */
export function tokensOf(text: string, word: string, offsets: readonly (readonly [number, number])[]): number[] {
  const at = word === "" ? -1 : firstOccurrence(text, word);
  if (at < 0) throw new LecternError("input", `compare: --word ${word} is not in the text ${JSON.stringify(text)}`);
  const start = [...text.slice(0, at)].length;
  const end = start + [...word].length;
  return offsets.flatMap(([from, to], i) => (from < end && to > start ? [i] : []));
}

/** As a whole word where there is one, else anywhere. */
function firstOccurrence(text: string, word: string): number {
  const isLetter = (character: string | undefined): boolean => /[\p{L}\p{N}]/u.test(character ?? "");
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1))
    if (!isLetter(text[at - 1]) && !isLetter(text[at + word.length])) return at;
  return text.indexOf(word);
}

/** @param states `[1, T, E]` */
function meanRow({ shape, data }: HostTensor<"float32">, positions: readonly number[]): Float32Array {
  const size = shape.at(-1) as number;
  return Float32Array.from({ length: size }, (_, e) =>
    positions.reduce((sum, position) => sum + (data[position * size + e] as number) / positions.length, 0),
  );
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (const [i, x] of a.entries()) {
    const y = b[i] as number;
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  return dot / Math.sqrt(aa * bb);
}
