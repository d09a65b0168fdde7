/** A model as the decoding loop sees it: rows of tokens that grow, and scores of what may come next. */
export interface Decoder {
  readonly vocabularySize: number;
  readonly contextWindow: number;
  /** Starts rows; scores after the last token of each. */
  prefill(rows: readonly (readonly number[])[]): Promise<Float32Array[]>;
  /** One more token for each row, in order; scores after it. */
  step(tokens: readonly number[]): Promise<Float32Array[]>;
  /** Keeps the rows of these indices, in this order; an index may come twice. */
  select(indices: readonly number[]): void;
}
