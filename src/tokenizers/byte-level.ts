import { characterOfByte } from "../common/index.ts";
import type { Text } from "./text.ts";

export const byteOfCharacter: ReadonlyMap<string, number> = new Map(
  characterOfByte.map((character, byte) => [character, byte]),
);

/** The same by the character's code: −1 for characters that stand for no byte. */
const byteOfCode = Int16Array.from(
  { length: 2 * 256 },
  (_, code) => byteOfCharacter.get(String.fromCharCode(code)) ?? -1,
);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Every character of a text as its bytes. */
export function writeBytes(text: Text): Text {
  return text.rewrite(/[^!-~]/gu, (character) => {
    const bytes = encoder.encode(character);
    return {
      text: Array.from(bytes, (byte) => characterOfByte[byte]).join(""),
      changes: Array.from(bytes, (_, i) => (i === 0 ? 0 : 1)),
    };
  });
}

/**
 * The bytes of tokens as text; a token with a character that stands for no byte is taken as it is. Bytes that are not
 * UTF-8 become U+FFFD.
 */
export function fromByteTokens(tokens: readonly string[]): string {
  const bytes: number[] = [];
  for (const token of tokens) {
    const start = bytes.length;
    for (let i = 0; i < token.length; i++) {
      const byte = byteOfCode[token.charCodeAt(i)] ?? -1;
      if (byte < 0) {
        bytes.length = start;
        bytes.push(...encoder.encode(token));
        break;
      }
      bytes.push(byte);
    }
  }
  return decoder.decode(Uint8Array.from(bytes));
}
