import { check } from "../../common/index.ts";
import { type Part, textOf, vocabularyOf } from "../json.ts";
import type { WordModel, WordTokens } from "./word-model.ts";

/** Whole words: what is not in the vocabulary is unknown. */
export class WordLevel implements WordModel {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly #unknown: string;

  constructor(part: Part) {
    this.vocabulary = vocabularyOf(part);
    this.#unknown = textOf(part, "unk_token", "<unk>");
  }

  tokenize(word: string): WordTokens {
    const id = this.vocabulary.get(word) ?? this.vocabulary.get(this.#unknown);
    check(id !== undefined, "input", () => `${JSON.stringify(word)} is not in the vocabulary, nor is ${this.#unknown}`);
    return { ids: [id], spans: [0, word.length] };
  }
}
