import {
  forwardRows,
  lastStates,
  type PoolingMode,
  pool,
  type Reading,
  statesAt,
  yieldsStates,
} from "../inference/index.ts";
import type { CallOptions } from "./options.ts";
import { lacksHead, maxLengthOf, parseText, type Task } from "./task.ts";

/** Options of `feature-extraction`. */
export interface FeatureExtractionOptions extends CallOptions {
  /** The pooling of a text's token vectors into one; default none: all of them. */
  readonly pooling?: "none" | PoolingMode;
  /** True if pooled vectors are normalised to length 1. */
  readonly normalize?: boolean;
}

/** The last hidden states of a text, `[1][T][E]`, or pooled, `[E]`. */
export const featureExtraction: Task<string, FeatureExtractionOptions, Float32Array[][] | Float32Array> = {
  batchSize: 32,
  options: { pooling: "pooling", normalize: "flag" },
  parse: parseText,
  async run(context, inputs, { pooling = "none", normalize = false }) {
    const { model, tokenizer } = context;
    const rows = inputs.map((input) => tokenizer.encode(input, maxLengthOf(context)));
    const forward = { hiddenStates: !yieldsStates(model) };
    const read: Reading<Float32Array[][] | Float32Array> = (result, place, index) => {
      const states = lastStates(result);
      if (!states) throw lacksHead(context, "hidden states");
      const { length } = (rows[index] as (typeof rows)[number]).ids;
      if (pooling !== "none") return pool(states, place, length, { modes: [pooling], normalize });
      const size = states.shape[2] as number;
      const own = statesAt(states, place, length);
      return [Array.from({ length }, (_, t) => own.slice(t * size, (t + 1) * size))];
    };
    return forwardRows(model, rows, { ...context, forward }, read, { ofTokens: true });
  },
};
