import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture } from "../../../test/helpers/fixtures.ts";
import { loadTokenizer } from "../../tokenizers/index.ts";
import { openDirectory } from "../index.ts";
import { type GgufEntry, ggufPieces } from "./write.ts";

interface TokenizerJson {
  readonly model: { readonly vocab: Readonly<Record<string, number>>; readonly merges: readonly (readonly string[])[] };
}

test("the tokenizer of a gemma4 file merges in the order of its list, as the directory's does", async () => {
  const directory = fixture("models/gemma3_text");
  const { model } = JSON.parse(await readFile(join(directory, "tokenizer.json"), "utf8")) as TokenizerJson;
  const tokens = Object.entries(model.vocab)
    .sort(([, a], [, b]) => a - b)
    .map(([token]) => token);
  const id = (token: string): number => tokens.indexOf(token);
  const typeOf = (token: string, i: number): number => (/^<0x..>$/.test(token) ? 6 : i < 4 ? 3 : 1);
  const entries: GgufEntry[] = [
    ["general.architecture", "string", "gemma3"],
    ["tokenizer.ggml.model", "string", "gemma4"],
    ["tokenizer.ggml.tokens", "strings", tokens],
    ["tokenizer.ggml.token_type", "i32s", tokens.map(typeOf)],
    ["tokenizer.ggml.merges", "strings", model.merges.map((pair) => pair.join(" "))],
    ["tokenizer.ggml.bos_token_id", "u32", id("<bos>")],
    ["tokenizer.ggml.eos_token_id", "u32", id("<eos>")],
    ["tokenizer.ggml.unknown_token_id", "u32", id("<unk>")],
    ["tokenizer.ggml.padding_token_id", "u32", id("<pad>")],
    ["tokenizer.ggml.add_bos_token", "bool", true],
    ["tokenizer.ggml.add_space_prefix", "bool", false],
    ["gemma3.embedding_length", "u32", 8],
    ["gemma3.block_count", "u32", 1],
    ["gemma3.context_length", "u32", 64],
    ["gemma3.feed_forward_length", "u32", 8],
    ["gemma3.attention.head_count", "u32", 1],
    ["gemma3.attention.layer_norm_rms_epsilon", "f32", 1e-6],
  ];
  async function* values(): AsyncGenerator<Float32Array> {
    yield new Float32Array(tokens.length * 8);
  }
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  const pieces: Uint8Array[] = [];
  const embedding = { name: "token_embd.weight", shape: [tokens.length, 8], type: "F32", values } as const;
  for await (const piece of ggufPieces(entries, [embedding])) pieces.push(piece.slice());
  await writeFile(join(folder, "x.gguf"), Buffer.concat(pieces));
  const [ours, theirs] = await Promise.all(
    [join(folder, "x.gguf"), directory].map(async (path) => loadTokenizer(await openDirectory(path))),
  );
  await rm(folder, { recursive: true });
  for (const text of ["The old king said: don't go!", "  two   spaces\nand 안녕 😀", "", " x"]) {
    const expected = theirs?.encode(text).ids ?? [];
    expect(ours?.encode(text).ids, text).toEqual(expected);
    expect(ours?.decode(expected, { skipSpecialTokens: true })).toBe(
      theirs?.decode(expected, { skipSpecialTokens: true }),
    );
  }
});
