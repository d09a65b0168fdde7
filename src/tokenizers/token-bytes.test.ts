import { expect, test } from "vitest";
import { characterOfByte } from "../common/index.ts";
import { textWithBytes } from "./token-bytes.ts";
import { Tokenizer } from "./tokenizer.ts";

/** Bytes as byte-level vocabularies write them. */
const written = (...bytes: number[]): string => bytes.map((byte) => characterOfByte[byte]).join("");

function tokenizerOf(tokens: readonly string[], decoder: object): Tokenizer {
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  return new Tokenizer({ added_tokens: [], decoder, model: { type: "BPE", vocab, merges: [] } }, {}, {});
}

test.each([
  ["a byte of a character", [0xd7], "<0xD7>"],
  ["a space and a byte", [0x20, 0xd7], " <0xD7>"],
  ["the end of a character and letters", [0xa9, 0x61, 0x62], "<0xA9>ab"],
  ["a whole character and a part of the next", [0xd7, 0xa9, 0xf0, 0x9f], "ש<0xF0><0x9F>"],
  ["a surrogate, which is no character", [0xed, 0xa0, 0x80], "<0xED><0xA0><0x80>"],
  ["an encoding that is too long", [0xc0, 0xaf], "<0xC0><0xAF>"],
  ["a line's end and four bytes of one character", [0x0a, 0xf0, 0x9f, 0x98, 0x80], "\n😀"],
])("%s", (_, bytes, text) => {
  expect(textWithBytes(tokenizerOf([written(...bytes)], { type: "ByteLevel" }), 0)).toBe(text);
});

test("SentencePiece's bytes have their names", () => {
  expect(textWithBytes(tokenizerOf(["<0xD7>"], { type: "ByteFallback" }), 0)).toBe("<0xD7>");
});
