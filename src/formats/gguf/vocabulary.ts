import type { GgufMetadata } from "./metadata.ts";

/** The type of a token, as in `tokenizer.ggml.token_type`. */
export const TokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** Tokens, and what the metadata say of them. */
export interface Vocabulary {
  readonly file: string;
  readonly metadata: GgufMetadata;
  readonly tokens: readonly string[];
  readonly types: readonly number[];
}

/** Tokens with a part of their own, by their names in `tokenizer_config.json`. */
export type SpecialTokens = Partial<Record<`${"bos" | "eos" | "unk" | "pad" | "sep" | "cls" | "mask"}_token`, string>>;

/** The ids of a vocabulary's tokens. */
export function idsOf(tokens: readonly string[]): Record<string, number> {
  return Object.fromEntries(tokens.map((token, id) => [token, id]));
}
