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
  /** Notes that the rows of these indices are at their end, so that later prompts may begin with what they hold. */
  finish?(indices: readonly number[]): void;
  /** Takes back the scores of a step once they are read, so that a later step need not make memory for its own. */
  recycle?(scores: readonly Float32Array[]): void;
}

/** A decoder that shows more than the last scores, and can go back: what looking ahead needs. */
export interface ScoringDecoder {
  readonly vocabularySize: number;
  readonly contextWindow: number;
  /** Starts rows, or adds tokens to them: the scores after each token, and its last state `[E]`. */
  extend(
    rows: readonly (readonly number[])[],
  ): Promise<{ readonly scores: readonly Float32Array[]; readonly states: readonly Float32Array[] }[]>;
  select(indices: readonly number[]): void;
  /** Forgets the last tokens of every row. */
  rewind(count: number): void;
}

/** A decoder of one row that takes several tokens and can go back: what guessing ahead needs. */
export interface RewindableDecoder {
  readonly contextWindow: number;
  /** Starts the row, or adds tokens to it; the scores after the last. */
  extend(tokens: readonly number[]): Promise<Float32Array>;
  rewind(count: number): void;
}
