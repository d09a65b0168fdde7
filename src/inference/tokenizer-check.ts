import { LecternError } from "../common/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";

type Json = Readonly<Record<string, unknown>>;

/** The key of a `config.json` that training writes: what the model's tokenizer was. */
export const FINGERPRINT_KEY = "tokenizer_fingerprint";

export interface TokenizerCheck {
  readonly location: string;
  readonly tokenizer: Tokenizer;
  readonly config: Json;
  readonly generationConfig: Json;
  /** Rows of the model's embedding. */
  readonly vocabSize: number;
}

/**
 * Throws where a tokenizer does not belong to a model: it has more tokens than the embedding has rows, it is not the
 * one that training recorded, or the model's start or end is an ordinary word, or nothing, to it. A larger embedding,
 * and an end token other than the tokenizer's own, are usual and pass.
 */
export function checkTokenizer(given: TokenizerCheck): void {
  const reason = mismatch(given);
  if (reason === undefined) return;
  throw new LecternError(
    "config",
    `${given.location}: the tokenizer does not belong to the model: ${reason}; take the files that were published together, or load with force`,
  );
}

function mismatch({ tokenizer, config, generationConfig, vocabSize }: TokenizerCheck): string | undefined {
  const size = tokenizer.ownVocabularySize;
  if (size > vocabSize) return `the tokenizer has ${size} tokens, the model's embedding ${vocabSize}`;
  const recorded = config[FINGERPRINT_KEY];
  if (typeof recorded === "string" && recorded !== tokenizer.fingerprint)
    return `the model was trained with one of fingerprint ${recorded}, this one's is ${tokenizer.fingerprint}`;
  for (const [name, token] of [
    ["bos_token_id", "bos_token"],
    ["eos_token_id", "eos_token"],
  ] as const) {
    const ids = [config[name], generationConfig[name]].flat().filter((id) => typeof id === "number");
    const own = tokenizer.specialId(token);
    if (own === undefined || ids.length === 0 || ids.includes(own)) continue;
    if (ids.some((id) => tokenizer.isAdded(id))) continue;
    const first = ids[0] as number;
    const found = tokenizer.token(first);
    return `the model's ${name} is ${first}, which is ${found === undefined ? "no token" : `the word ${JSON.stringify(found)}`} to the tokenizer, whose ${token} is ${own}`;
  }
  return undefined;
}
