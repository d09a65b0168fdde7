import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixture } from "../../../test/helpers/fixtures.ts";
import { LecternError } from "../../common/index.ts";
import { loadTokenizer } from "../../tokenizers/index.ts";
import { openCheckpoint, openDirectory } from "../index.ts";
import type { GgufEntry } from "./write.ts";
import { ggufPieces } from "./write.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-"));
  process.env.LECTERN_CACHE = join(folder, "cache");
});
afterAll(() => rm(folder, { recursive: true }));

/** Little-endian fields, one after the other: [bytes, value], or a text with its length. */
type Field = readonly [4 | 8, number | bigint] | string;

function bytesOf(...fields: readonly Field[]): Uint8Array {
  const parts = fields.map((field) => {
    if (typeof field === "string") return Buffer.concat([bytesOf([8, field.length]), Buffer.from(field)]);
    const buffer = Buffer.alloc(field[0]);
    if (field[0] === 4) buffer.writeUInt32LE(Number(field[1]));
    else buffer.writeBigUInt64LE(BigInt(field[1]));
    return buffer;
  });
  return Buffer.concat(parts);
}

const MAGIC: Field = [4, 0x46554747];

/** A header of some tensors and metadata entries, filled up with zeros. */
function file(tensors: readonly (readonly Field[])[], entries: readonly (readonly Field[])[] = [], zeros = 256) {
  const start = bytesOf(MAGIC, [4, 3], [8, tensors.length], [8, entries.length]);
  return Buffer.concat([start, ...[...entries, ...tensors].map((fields) => bytesOf(...fields)), Buffer.alloc(zeros)]);
}

/** One F32 tensor: name, dimensions innermost first, type, offset. */
const tensor = (name: string, shape: readonly number[], type: number, offset: number): Field[] => [
  name,
  [4, shape.length],
  ...shape.map((size): Field => [8, size]),
  [4, type],
  [8, offset],
];

async function open(bytes: Uint8Array): Promise<unknown> {
  const path = join(await mkdtemp(join(folder, "x-")), "x.gguf");
  await writeFile(path, bytes);
  const files = await openDirectory(path);
  await loadTokenizer(files);
  const checkpoint = await openCheckpoint(files);
  return Promise.all(checkpoint.names().map((name) => checkpoint.read(name)));
}

describe("a damaged GGUF file is refused in words", () => {
  test.each([
    ["an empty file", new Uint8Array(0), "does not begin with GGUF"],
    ["another format", Buffer.alloc(64, 7), "does not begin with GGUF"],
    ["version 1", bytesOf(MAGIC, [4, 1], [8, 0], [8, 0]), "version 1 is not read"],
    ["big-endian", bytesOf(MAGIC, [4, 0x03000000], [8, 0], [8, 0]), "big-endian order is not read"],
    ["an absurd number of tensors", bytesOf(MAGIC, [4, 3], [8, 1e15], [8, 0]), "announces 1000000000000000 tensors"],
    ["a count of 64 bits", bytesOf(MAGIC, [4, 3], [8, 2n ** 64n - 1n], [8, 0]), "where a size or an offset stands"],
    ["an absurd number of entries", bytesOf(MAGIC, [4, 3], [8, 0], [8, 1e9]), "announces 1000000000 metadata entries"],
    ["a text longer than the file", file([], [[[8, 1e12]]]), "announces 1000000000000 bytes of a text"],
    ["an absurd list", file([], [["a", [4, 9], [4, 4], [8, 1e9]]]), "announces 1000000000 values of a"],
    [
      "an absurd list of texts",
      file([], [["a", [4, 9], [4, 8], [8, 33]]]),
      "announces 33 values of a, the file has room",
    ],
    ["a list of lists", file([], [["a", [4, 9], [4, 9], [8, 1], [4, 9], [8, 1]]]), "a is a list of lists"],
    ["an unknown value type", file([], [["a", [4, 77], [4, 0]]]), "unknown value type 77"],
    ["an unknown type in a list", file([], [["a", [4, 9], [4, 77], [8, 1]]]), "unknown value type 77"],
    [
      "a key given twice",
      file(
        [],
        [
          ["a", [4, 4], [4, 1]],
          ["a", [4, 4], [4, 1]],
        ],
      ),
      "gives a twice",
    ],
    ["a tensor named twice", file([tensor("t", [4], 0, 0), tensor("t", [4], 0, 32)]), "names a tensor twice"],
    ["five dimensions", file([tensor("t", [1, 1, 1, 1, 1], 0, 0)]), "has 5 dimensions"],
    ["an empty dimension", file([tensor("t", [0, 4], 0, 0)]), "shape [4, 0] cannot be"],
    ["an absurd shape", file([tensor("t", [2 ** 40, 2 ** 40], 0, 0)]), "cannot be"],
    ["an unknown tensor type", file([tensor("t", [4], 99, 0)]), "tensor type 99 is not known"],
    ["a type that is not read", file([tensor("t", [256], 16, 0)]), "tensor type IQ2_XXS is not read"],
    ["half a block", file([tensor("t", [33], 8, 0)]), "rows of 33 values are not whole blocks of 32"],
    ["an offset between", file([tensor("t", [4], 0, 4)]), "offset 4 is not a multiple of 32"],
    ["an offset outside", file([tensor("t", [4], 0, 4096)]), "truncated or damaged"],
    ["tensors over each other", file([tensor("t", [16], 0, 0), tensor("u", [4], 0, 32)]), "t and u overlap"],
    ["an alignment of 3", file([], [["general.alignment", [4, 4], [4, 3]]]), "must be a power of two"],
    ["no architecture", file([]), "lack tokenizer.ggml.model"],
  ])("%s", async (_what, bytes, message) => {
    await expect(open(bytes)).rejects.toThrow(message);
    await expect(open(bytes)).rejects.toBeInstanceOf(LecternError);
  });

  test("any cut, and any flipped bit of the header, is an explained error or another valid file", async () => {
    const whole = new Uint8Array(await readFile(fixture("gguf/small-Q4_0.gguf")));
    for (let at = 0; at < 18_000; at += 1021) {
      await expect(open(whole.subarray(0, at)), `cut at ${at}`).rejects.toBeInstanceOf(LecternError);
      const flipped = Uint8Array.from(whole);
      flipped[at] = (flipped[at] as number) ^ (1 << (at % 8));
      await open(flipped).catch((error) => expect(error, `bit flipped in byte ${at}`).toBeInstanceOf(LecternError));
    }
  });

  test("a directory that is called as a file would be", async () => {
    const path = join(await mkdtemp(join(folder, "x-")), "x.gguf");
    await mkdir(path);
    await expect(openDirectory(path)).rejects.toThrow("x.gguf must be a file; got a directory");
  });
});

describe("metadata that do not say what a model needs are refused by key", () => {
  const whole: GgufEntry[] = [
    ["general.architecture", "string", "llama"],
    ["llama.context_length", "u32", 16],
    ["llama.embedding_length", "u32", 8],
    ["llama.block_count", "u32", 1],
    ["llama.feed_forward_length", "u32", 8],
    ["llama.attention.head_count", "u32", 2],
    ["llama.attention.layer_norm_rms_epsilon", "f32", 1e-5],
    ["tokenizer.ggml.model", "string", "llama"],
    ["tokenizer.ggml.tokens", "strings", ["<unk>", "a"]],
    ["tokenizer.ggml.scores", "f32s", [0, 0]],
  ];
  const build = async (change: GgufEntry | string, name = "token_embd.weight", shape = [2, 8]): Promise<unknown> => {
    const key = typeof change === "string" ? change : change[0];
    const entries = [...whole.filter(([own]) => own !== key), ...(typeof change === "string" ? [] : [change])];
    async function* values(): AsyncGenerator<Float32Array> {
      yield new Float32Array(shape.reduce((a, b) => a * b, 1));
    }
    const pieces: Uint8Array[] = [];
    const embedding = { name, shape, type: "F32", values } as const;
    for await (const piece of ggufPieces(entries, [embedding])) pieces.push(piece);
    return open(Buffer.concat(pieces));
  };

  test("the file that the others are made of is whole", async () => {
    await expect(build(["general.name", "string", "whole"])).resolves.toHaveLength(1);
  });

  test.each<[GgufEntry | string, string]>([
    ["general.architecture", "lack general.architecture"],
    [["general.architecture", "string", "rwkv6"], '"rwkv6" is not read; read are llama'],
    [["general.architecture", "string", "llama4"], "did you mean llama?"],
    ["llama.embedding_length", "lack llama.embedding_length"],
    ["llama.context_length", "lack llama.context_length"],
    [["llama.block_count", "u32", 4e9], "says 4000000000 layers, but there are 1 tensors"],
    [["llama.expert_count", "u32", 2e9], "says 2000000000, the router has 0"],
    [["llama.rope.dimension_count", "u32", 2], "dimension_count 2 of a head of 4 is not read"],
    [["llama.attention.head_count", "i32s", [2, 2]], "head_count must be one number; got a list of 2"],
    [["llama.rope.scaling.type", "string", "odd"], ""],
    [["llama.attention.value_length", "u32", 5], "differ in size"],
    ["tokenizer.ggml.tokens", "lack tokenizer.ggml.tokens"],
    ["tokenizer.ggml.scores", "lack tokenizer.ggml.scores"],
    [["tokenizer.ggml.tokens", "u32", 3], "tokens must be a list of texts"],
    [["tokenizer.ggml.tokens", "strings", ["a".repeat(5000)]], "a token of 5000 characters"],
    [["tokenizer.ggml.model", "string", "plamo2"], '"plamo2" is not read'],
    [["tokenizer.ggml.model", "string", "rwkv"], "every byte must be a token; 0 is none"],
    [["tokenizer.ggml.bos_token_id", "u32", 9], "bos_token_id 9 is not one of the 2 tokens"],
    [["split.count", "u32", 3], "llama-gguf-split --merge"],
    [["split.count", "u32", 4e9], "llama-gguf-split --merge"],
  ])("%j", async (change, message) => {
    if (message === "")
      await expect(build(change)).resolves.toHaveLength(1); // without a factor nothing is stretched
    else await expect(build(change)).rejects.toThrow(message);
  });

  test("a kind of pre-tokenizer that has no name here", async () => {
    const directory = await mkdtemp(join(folder, "x-"));
    const bytes = await readFile(fixture("gguf/small-bpe-F16.gguf"));
    const at = bytes.indexOf("gpt-2");
    bytes.write("gpt-9", at);
    await writeFile(join(directory, "x.gguf"), bytes);
    await expect(openDirectory(directory).then(loadTokenizer)).rejects.toThrow('"gpt-9" is not read; read are gpt-2');
  });

  test("a tensor that the architecture has not", async () => {
    await expect(build("general.name", "blk.0.ssm_a.weight")).rejects.toThrow("lacks the tensor token_embd.weight");
  });
});
