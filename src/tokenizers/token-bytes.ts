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

/** A character in UTF-8, or a byte that begins none. */
const CHARACTER =
  /[\0-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|(.)/gs;

/** A token that holds parts of characters: each of their bytes as SentencePiece names them, such as `<0xD7>`, the rest as text. */
export function textWithBytes(tokenizer: Tokenizer, id: number): string {
  const token = tokenizer.token(id) ?? "";
  if (!tokenizer.decoderTypes.has("ByteLevel")) return token;
  const read = new TextDecoder();
  return byteLevel(token).replace(CHARACTER, (bytes, part?: string) =>
    part === undefined
      ? read.decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)))
      : `<0x${part.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}>`,
  );
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
