import { forwardRows, lastStates, type Pooling, pool, yieldsStates } from "../model/index.ts";
import type { CallOptions } from "./options.ts";
import { lacksHead, maxLengthOf, parseText, type Task } from "./task.ts";

export interface FeatureExtractionOptions extends CallOptions {
  /** How the vectors of a text's tokens become one; default none: all of them. */
  readonly pooling?: "none" | Pooling["mode"];
  /** Whether pooled vectors are brought to length 1. */
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
    return forwardRows(model, rows, { ...context, forward }, (result, row, index) => {
      const states = lastStates(result);
      if (!states) throw lacksHead(context, "hidden states");
      const { length } = (rows[index] as (typeof rows)[number]).ids;
      if (pooling !== "none") return pool(states, row, length, { mode: pooling, normalize });
      const [, width, size] = states.shape as [number, number, number];
      return [
        Array.from({ length }, (_, t) => states.data.slice((row * width + t) * size, (row * width + t + 1) * size)),
      ];
    });
  },
};
