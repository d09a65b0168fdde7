import { check, LecternError } from "../common/index.ts";
import type { Model } from "../inference/index.ts";
import { softmax } from "../tensor/index.ts";
import { textWithBytes } from "../tokenizers/index.ts";

/** A text, or the ids of its tokens. */
export type ExplainInput = string | readonly number[];

/** A token with the text that it stands for. */
export interface TokenPiece {
  /** The token id. */
  readonly id: number;
  /** The text that it decodes to, with bytes of parts of characters as `<0xD7>`; that of a special token is its name. */
  readonly token: string;
  /** The token as the vocabulary writes it. */
  readonly piece: string;
  /** True for tokens that mark a role, such as the end of a text. */
  readonly isSpecial: boolean;
}

/** A token or a class, and its probability. */
export interface Outcome {
  /** The id of the token or class. */
  readonly id: number;
  /** The token's text, or the class's name. */
  readonly label: string;
  /** The probability, from 0 to 1. */
  readonly probability: number;
}

/** The ids of an input. */
export function idsOf(model: Model, input: ExplainInput, what: string): readonly number[] {
  if (typeof input !== "string") {
    check(input.length > 0, "input", () => `${what}: there is no token to explain`);
    return input;
  }
  const { tokenizer } = model;
  if (!tokenizer)
    throw new LecternError("input", `${what}: this model's directory has no tokenizer.json: give token ids`);
  const { ids } = tokenizer.encode(input);
  check(ids.length > 0, "input", () => `${what}: the text has no tokens`);
  return ids;
}

/** The tokens of ids, as text. */
export function piecesOf({ tokenizer }: Model, ids: readonly number[]): TokenPiece[] {
  const special = tokenizer?.specialIds;
  return ids.map((id) => {
    const isSpecial = special?.has(id) ?? false;
    const piece = tokenizer?.token(id) ?? String(id);
    const text = isSpecial || !tokenizer ? piece : tokenizer.decode([id]);
    const token = tokenizer && text.includes("\ufffd") ? textWithBytes(tokenizer, id) : text;
    return { id, token, piece, isSpecial };
  });
}

/** The name of a token or, for a classifier, of a class. */
export function labelOf(model: Model, id: number): string {
  if (classesOf(model) === undefined) return (piecesOf(model, [id])[0] as TokenPiece).token;
  return classesOf(model)?.[id] ?? String(id);
}

/** The classes of a classifier of texts; undefined for other models. */
export function classesOf({ config }: Model): Readonly<Record<number, string>> | undefined {
  const { architectures, id2label } = config as { architectures?: string[]; id2label?: Record<number, string> };
  return /SequenceClassification/.test(architectures?.[0] ?? "") ? (id2label ?? {}) : undefined;
}

/** The most probable outcomes of scores, the first the most probable. */
export function topOutcomes(model: Model, scores: Float32Array, count: number): Outcome[] {
  const probabilities = softmax(scores);
  return largest(probabilities, count).map((id) => ({
    id,
    label: labelOf(model, id),
    probability: probabilities[id] as number,
  }));
}

/** The places of the largest numbers, in order. */
export function largest(values: ArrayLike<number>, count: number): number[] {
  const found: number[] = [];
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number;
    if (found.length === count && value <= (values[found.at(-1) as number] as number)) continue;
    const place = found.findIndex((other) => (values[other] as number) < value);
    found.splice(place < 0 ? found.length : place, 0, at);
    if (found.length > count) found.pop();
  }
  return found;
}
