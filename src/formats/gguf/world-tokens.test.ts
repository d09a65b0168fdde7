import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadTokenizer } from "../../tokenizers/index.ts";
import { openDirectory } from "../index.ts";
import { type GgufEntry, ggufPieces } from "./write.ts";

/** A byte as Python writes it. */
function literal(byte: number): string {
  const named: Readonly<Record<number, string>> = { 9: "\\t", 10: "\\n", 13: "\\r", 92: "\\\\" };
  const isPrintable = byte >= 32 && byte < 127;
  return named[byte] ?? (isPrintable ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`);
}

test("the World tokenizer of a GGUF file cuts texts into the longest tokens of bytes", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  const bytes = Array.from({ length: 256 }, (_, byte) => literal(byte));
  const tokens = ["<s>", ...bytes, "he", "hello", "\\n\\n", "\\xec\\x95\\x88", "\\xec\\x95", "[PAD262]"];
  const entries: GgufEntry[] = [
    ["general.architecture", "string", "rwkv7"],
    ["tokenizer.ggml.model", "string", "rwkv"],
    ["tokenizer.ggml.tokens", "strings", tokens],
    [
      "tokenizer.ggml.token_type",
      "i32s",
      tokens.map((token) => (token === "<s>" ? 3 : token.startsWith("[PAD") ? 5 : 1)),
    ],
    ["tokenizer.ggml.bos_token_id", "u32", 0],
    ["tokenizer.ggml.eos_token_id", "u32", 0],
    ["tokenizer.chat_template", "string", "rwkv-world"],
    ["rwkv7.embedding_length", "u32", 8],
    ["rwkv7.block_count", "u32", 1],
    ["rwkv7.context_length", "u32", 1 << 20],
    ["rwkv7.feed_forward_length", "u32", 8],
    ["rwkv7.attention.head_count", "u32", 0],
    ["rwkv7.attention.layer_norm_epsilon", "f32", 1e-5],
    ["rwkv7.wkv.head_size", "u32", 8],
  ];
  async function* values(): AsyncGenerator<Float32Array> {
    yield new Float32Array(tokens.length * 8);
  }
  const pieces: Uint8Array[] = [];
  const embedding = { name: "token_embd.weight", shape: [tokens.length, 8], type: "F32", values } as const;
  for await (const piece of ggufPieces(entries, [embedding])) pieces.push(piece.slice());
  await writeFile(join(folder, "x.gguf"), Buffer.concat(pieces));
  const tokenizer = await loadTokenizer(await openDirectory(join(folder, "x.gguf")));
  await rm(folder, { recursive: true });
  const text = "hello hel\n\n안앉[PAD262]\\<s>";
  const of = (characters: string): number[] => Array.from(Buffer.from(characters), (byte) => byte + 1);
  const ids = [258, ...of(" "), 257, ...of("l"), 259, 260, 261, 0x89 + 1, ...of("[PAD262]\\"), 0];
  expect(tokenizer?.encode(text).ids).toEqual(ids);
  expect(tokenizer?.decode(ids)).toBe(text);
  expect(tokenizer?.hasChatTemplate).toBe(false);
});
