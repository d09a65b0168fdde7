import { check } from "../common/index.ts";
import type { CallOptions } from "./options.ts";
import { parseText, type Task, textField } from "./task.ts";

/** A sentence, and those that it is compared with. */
export interface SimilarityInput {
  readonly sourceSentence: string;
  readonly sentences: readonly string[];
}

/** The similarity of sentences: the cosine between their vectors, from −1 to 1, for each that is compared. */
export const sentenceSimilarity: Task<SimilarityInput, CallOptions, number[]> = {
  batchSize: 32,
  options: {},
  withSecond: (sourceSentence, sentences) => ({ input: { sourceSentence, sentences } }),
  parse(input, place) {
    const sourceSentence = textField(input, "sourceSentence", place);
    const { sentences } = input as { sentences?: unknown };
    check(
      Array.isArray(sentences) && sentences.length > 0,
      "input",
      () => `${place}: sentences must be a list of at least one text`,
    );
    return {
      sourceSentence,
      sentences: sentences.map((sentence, i) => parseText(sentence, `${place}: sentences[${i}]`)),
    };
  },
  async run({ model, batchSize, signal, onDone }, inputs) {
    const texts = [...new Set(inputs.flatMap(({ sourceSentence, sentences }) => [sourceSentence, ...sentences]))];
    const vectors = await model.embed(texts, { batchSize, signal });
    onDone(inputs.length);
    const vectorOf = new Map(texts.map((text, i) => [text, vectors[i] as Float32Array]));
    return inputs.map(({ sourceSentence, sentences }) =>
      sentences.map((sentence) =>
        cosine(vectorOf.get(sourceSentence) as Float32Array, vectorOf.get(sentence) as Float32Array),
      ),
    );
  },
};

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array): number =>
    x.reduce((sum, value, i) => sum + value * (y[i] as number), 0);
  return dot(a, b) / Math.max(1e-12, Math.sqrt(dot(a, a) * dot(b, b)));
}
