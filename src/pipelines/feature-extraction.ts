import { check } from "../common/index.ts";
import {
  forwardRows,
  lastStates,
  normalized,
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
  /**
   * The pooling of a text's token vectors into one; default none: all of them. `modules`: as `modules.json` of
   * sentence-transformers specifies, with its dense layers and norms, or the mean without such a file.
   */
  readonly pooling?: "none" | "modules" | PoolingMode;
  /** True if pooled vectors are normalised to length 1. */
  readonly normalize?: boolean;
  /** With `modules`: the name of one of the prompts in `config_sentence_transformers.json`; default the one that it names. */
  readonly promptName?: string;
  /** With `modules`: a text that is put before each input, in place of a named prompt. */
  readonly prompt?: string;
  /** With `modules`: the number of leading dimensions to keep, of models trained for it (Matryoshka). */
  readonly dimensions?: number;
}

/** Options that only the modules of sentence-transformers have a use for. */
const own = ["promptName", "prompt", "dimensions"];

/** The last hidden states of a text, `[1][T][E]`, or pooled, `[E]`. */
export const featureExtraction: Task<string, FeatureExtractionOptions, Float32Array[][] | Float32Array> = {
  batchSize: 32,
  options: { pooling: "pooling", normalize: "flag", promptName: "text", prompt: "text", dimensions: "count" },
  parse: parseText,
  async run(context, inputs, { pooling = "none", normalize = false, ...given }) {
    const { model, tokenizer, batchSize, signal, onDone } = context;
    if (pooling === "modules") {
      const vectors = await model.embed(inputs, { ...given, batchSize, signal, onDone });
      return normalize ? vectors.map(normalized) : vectors;
    }
    const unused = Object.entries(given).find(([key, value]) => own.includes(key) && value !== undefined)?.[0];
    check(unused === undefined, "usage", () => `feature-extraction: ${unused} needs pooling: "modules"`);
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
