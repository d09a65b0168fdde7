import { check, checkFields, type Rules, rules } from "../common/index.ts";
import { modelFingerprint } from "../evaluation/node.ts";
import type { Model } from "../inference/index.ts";

/** The texts that an encoder was trained to see before others. */
export interface EncoderOptions {
  /** Before each question, such as `query: ` for E5; default none. */
  readonly questionPrompt?: string | undefined;
  /** Before each passage, such as `passage: ` for E5; default none. */
  readonly passagePrompt?: string | undefined;
}

const optionRules: Rules = { questionPrompt: rules.text, passagePrompt: rules.text };

/** Turns questions and passages into vectors whose cosines say how near they are. */
export interface Encoder extends Required<{ readonly [K in keyof EncoderOptions]: string }> {
  /** The location that it can be loaded from again. */
  readonly name: string;
  /** A hash that changes with the vectors: of the model's files and its precision. */
  readonly fingerprint: string;
  /** Tokens of a passage that it reads; what is longer would be cut. */
  readonly passageTokens: number;
  /** The tokens of a text, without special ones. */
  count(text: string): number;
  /** Vectors of length 1. */
  embed(texts: readonly string[], of: "question" | "passage", signal?: AbortSignal): Promise<Float32Array[]>;
}

/** Passages longer than this hold several subjects, and their vector none of them. */
const LONGEST_PASSAGE = 2048;

/**
 * An encoder of a loaded model.
 *
 * @throws LecternError for a model without a tokenizer, and where a prompt fills its window
 */
export async function modelEncoder(model: Model, options: EncoderOptions = {}): Promise<Encoder> {
  checkFields("modelEncoder", options, optionRules);
  const { questionPrompt = "", passagePrompt = "" } = options;
  const most = Math.min(await model.embedLength(), LONGEST_PASSAGE);
  const tokenizer = model.tokenizer as NonNullable<Model["tokenizer"]>;
  const count = (text: string): number => tokenizer.encode(text, { addSpecialTokens: false }).ids.length;
  const passageTokens = most - tokenizer.encode(passagePrompt).ids.length;
  check(
    passageTokens >= 64,
    "usage",
    () => `modelEncoder: the passage prompt leaves ${passageTokens} of ${most} tokens for a passage: shorten it`,
  );
  return {
    name: model.location,
    fingerprint: await modelFingerprint(model),
    questionPrompt,
    passagePrompt,
    passageTokens,
    count,
    async embed(texts, of, signal) {
      const vectors = await model.embed(texts, { prompt: of === "question" ? questionPrompt : passagePrompt, signal });
      return vectors.map(unitLength);
    },
  };
}

function unitLength(vector: Float32Array): Float32Array {
  const norm = Math.hypot(...vector);
  check(Number.isFinite(norm), "numeric", () => "modelEncoder: a vector holds a NaN or an infinity");
  return norm === 0 ? vector : vector.map((x) => x / norm);
}
