import { characterOfByte } from "./byte-characters.ts";
import { check } from "./errors.ts";
import { ownEntry } from "./own-entry.ts";

const ESCAPE = /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|([\\'"nrt]))/gi;
const LETTERS: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

const encoder = new TextEncoder();
const characters = (bytes: Iterable<number>): string =>
  Array.from(bytes, (byte) => characterOfByte[byte] as string).join("");

/**
 * The bytes of a token that RWKV's vocabulary has as a Python literal, each as the character that stands for it.
 * @param text the literal between its quotes
 * @param isBytes true if `\xe4` is a byte, not a character
 */
export function quotedBytes(text: string, isBytes: boolean): string {
  let written = "";
  let at = 0;
  for (const match of text.matchAll(ESCAPE)) {
    const [whole, hex, unit, point, letter] = match;
    written += characters(encoder.encode(text.slice(at, match.index)));
    at = match.index + whole.length;
    if (letter !== undefined) written += characters(encoder.encode(ownEntry(LETTERS, letter) ?? letter));
    else if (hex !== undefined && isBytes) written += characters([Number.parseInt(hex, 16)]);
    else written += characters(encoder.encode(String.fromCodePoint(Number.parseInt(hex ?? unit ?? point ?? "", 16))));
  }
  return written + characters(encoder.encode(text.slice(at)));
}

/**
 * The parts of a `tokenizer.json` that cuts a text into the longest tokens, from its beginning on, as RWKV's World tokenizer
 * does.
 * @param vocab ids by the characters that stand for a token's bytes
 * @param end the token of a text's end, whose id is 0
 * @param place named in the failure
 * @throws LecternError with code `file` where a byte is no token
 */
export function worldTokenizer(vocab: Readonly<Record<string, number>>, end: string, place: string): object {
  const missing = characterOfByte.findIndex((character) => !Object.hasOwn(vocab, character));
  check(missing < 0, "file", () => `${place}: every byte must be a token; ${missing} is none: damaged`);
  const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false };
  return {
    normalizer: null,
    pre_tokenizer: bytes,
    decoder: bytes,
    model: {
      type: "WordPiece",
      vocab: { ...vocab, [end]: 0 },
      unk_token: end,
      continuing_subword_prefix: "",
      max_input_chars_per_word: Number.MAX_SAFE_INTEGER,
    },
  };
}
