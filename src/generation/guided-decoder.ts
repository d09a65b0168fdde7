import { logSoftmax } from "../tensor/index.ts";
import type { Decoder } from "./decoder.ts";

/**
 * Classifier-free guidance: scores are moved away from those after another prompt, by how much they differ
 * (Sanchez et al., 2023). Without a negative prompt, the other one is the last token of the prompt alone.
 */
export class GuidedDecoder implements Decoder {
  readonly vocabularySize: number;
  readonly contextWindow: number;
  readonly #wanted: Decoder;
  readonly #unwanted: Decoder;
  readonly #scale: number;
  readonly #negative: readonly (readonly number[])[] | undefined;

  constructor(
    wanted: Decoder,
    unwanted: Decoder,
    options: { readonly scale: number; readonly negative: readonly (readonly number[])[] | undefined },
  ) {
    this.vocabularySize = wanted.vocabularySize;
    this.contextWindow = wanted.contextWindow;
    this.#wanted = wanted;
    this.#unwanted = unwanted;
    this.#scale = options.scale;
    this.#negative = options.negative;
  }

  async prefill(rows: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const others = rows.map((row, i) => this.#negative?.[i] ?? this.#negative?.[0] ?? row.slice(-1));
    return this.#guide(await this.#wanted.prefill(rows), await this.#unwanted.prefill(others));
  }

  async step(tokens: readonly number[]): Promise<Float32Array[]> {
    return this.#guide(await this.#wanted.step(tokens), await this.#unwanted.step(tokens));
  }

  select(indices: readonly number[]): void {
    this.#wanted.select(indices);
    this.#unwanted.select(indices);
  }

  finish(indices: readonly number[]): void {
    this.#wanted.finish?.(indices);
  }

  #guide(wanted: Float32Array[], unwanted: readonly Float32Array[]): Float32Array[] {
    for (const [row, scores] of wanted.entries()) {
      const other = unwanted[row] as Float32Array;
      logSoftmax(scores);
      logSoftmax(other);
      for (let i = 0; i < scores.length; i++)
        scores[i] = this.#scale * ((scores[i] as number) - (other[i] as number)) + (other[i] as number);
    }
    return wanted;
  }
}
