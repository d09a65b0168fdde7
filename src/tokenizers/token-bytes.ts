import { LecternError } from "../common/index.ts";
import { isByteToken } from "./byte-fallback.ts";
import { byteOfCharacter } from "./byte-level.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** The bytes that tokens add to a text, by id, as Latin-1; undefined for tokens that are no text, as special tokens. */
export interface TokenBytes {
  /** After another token. */
  readonly inside: readonly (string | undefined)[];
  /** As the first token of a text, where a space at its beginning may be left out. */
  readonly first: readonly (string | undefined)[];
}

/** Decoders whose tokens depend on the tokens after them. */
const UNREADABLE = ["BPEDecoder", "CTC"];

/**
 * The bytes that each token stands for.
 *
 * @throws LecternError `unsupported` where the text of a token depends on what follows
 */
export function tokenBytes(tokenizer: Tokenizer): TokenBytes {
  const { decoderTypes } = tokenizer;
  const unreadable = UNREADABLE.find((type) => decoderTypes.has(type));
  if (unreadable)
    throw new LecternError(
      "unsupported",
      `structured output: the tokenizer's decoder ${unreadable} writes a token by what follows it; take another model`,
    );
  const special = tokenizer.specialIds;
  const tokens = Array.from({ length: tokenizer.vocabularySize }, (_, id) =>
    special.has(id) || tokenizer.isAdded(id) ? undefined : tokenizer.token(id),
  );
  if (decoderTypes.has("ByteLevel")) {
    const inside = tokens.map((token) => token && byteLevel(token));
    return { inside, first: inside };
  }
  return decoded(tokenizer, tokens);
}

function byteLevel(token: string): string {
  const bytes = Array.from(token, (character) => byteOfCharacter.get(character));
  return bytes.some((byte) => byte === undefined) ? latin1(token) : String.fromCharCode(...(bytes as number[]));
}

/** The bytes of tokens as the decoder writes them, alone and behind another token. */
function decoded(tokenizer: Tokenizer, tokens: readonly (string | undefined)[]): TokenBytes {
  const read = (ids: readonly number[]): string => tokenizer.decode(ids, { cleanUpSpaces: false });
  const hasByteTokens = tokenizer.decoderTypes.has("ByteFallback");
  const anchor = tokens.findIndex((token, id) => token !== undefined && /^[a-z]$/.test(read([id])));
  const before = anchor < 0 ? "" : read([anchor]);
  const [inside, first] = [[] as (string | undefined)[], [] as (string | undefined)[]];
  for (const [id, token] of tokens.entries()) {
    if (token === undefined) continue;
    if (hasByteTokens && isByteToken(token)) {
      const byte = String.fromCharCode(Number.parseInt(token.slice(3, 5), 16));
      inside[id] = byte;
      first[id] = byte === " " ? latin1(read([id])) : byte;
      continue;
    }
    first[id] = latin1(read([id]));
    inside[id] = anchor < 0 ? first[id] : latin1(read([anchor, id]).slice(before.length));
  }
  return { inside, first };
}

function latin1(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
