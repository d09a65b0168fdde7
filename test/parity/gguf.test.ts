import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openCheckpoint, openDirectory } from "../../src/formats/index.ts";
import { loadModel } from "../../src/inference/index.ts";
import { toFloat32 } from "../../src/tensor/index.ts";
import { loadTokenizer } from "../../src/tokenizers/index.ts";
import { fixture, maxDifference, readJson, readTensors, sharedPath } from "../helpers/fixtures.ts";

/** Made with the gguf package 0.19.0; logits from a float64 pass over the dequantized weights. */
interface Expected {
  readonly cases: readonly {
    readonly file: string;
    readonly input_ids: number[];
    readonly output_ids: number[];
    readonly tensors: Record<string, { type: string; shape: number[]; sum: number; sum_of_squares: number }>;
    readonly encodings: { text: string; ids: number[]; decoded: string }[];
  }[];
}

/** float32 against float64, as for every other decoder. */
const LOGITS_TOLERANCE = 1e-4;
const HEAD_SIZE: Readonly<Record<string, number>> = { small: 16, large: 64 };

const { cases } = await readJson<Expected>(fixture("gguf/expected.json"));
const shared = sharedPath("fixtures/gguf");
const folder = (file: string): string => (file.includes("mixed") ? (shared ?? "") : fixture("gguf"));

let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), "lectern-"));
  process.env.LECTERN_CACHE = cache;
});
afterAll(() => rm(cache, { recursive: true }));

/** `blk.0.attn_k.weight` as the checkpoint calls it. */
function hfName(name: string): string {
  const parts: Readonly<Record<string, string>> = {
    token_embd: "model.embed_tokens",
    output_norm: "model.norm",
    output: "lm_head",
    attn_norm: "input_layernorm",
    attn_q: "self_attn.q_proj",
    attn_k: "self_attn.k_proj",
    attn_v: "self_attn.v_proj",
    attn_output: "self_attn.o_proj",
    ffn_norm: "post_attention_layernorm",
    ffn_gate: "mlp.gate_proj",
    ffn_up: "mlp.up_proj",
    ffn_down: "mlp.down_proj",
  };
  return name.replace(/^blk\./, "model.layers.").replace(/\w+(?=\.weight$)/, (part) => parts[part] ?? part);
}

describe.each(cases)("$file", (expected) => {
  const { file } = expected;
  const path = join(folder(file), file);
  test.skipIf(folder(file) === "")(
    "every tensor has the reference's values, to the bit where rows are recorded",
    async () => {
      const checkpoint = await openCheckpoint(await openDirectory(path));
      expect(checkpoint.names().sort()).toEqual(Object.keys(expected.tensors).map(hfName).sort());
      for (const [name, { shape, sum, sum_of_squares }] of Object.entries(expected.tensors)) {
        const tensor = await checkpoint.read(hfName(name));
        expect(tensor.shape).toEqual(shape);
        const values = Float64Array.from(toFloat32(tensor.dtype, tensor.data));
        // Sums in another order: float64 rounding of the running sum.
        expect(Math.abs(values.reduce((a, b) => a + b, 0) - sum), name).toBeLessThan(1e-9);
        expect(Math.abs(values.reduce((a, b) => a + b * b, 0) - sum_of_squares), name).toBeLessThan(1e-8);
      }
      const recorded = await readTensors(folder(file), file.replace(".gguf", ".expected.safetensors"));
      for (const [key, rows] of Object.entries(recorded)) {
        if (!key.startsWith("rows.")) continue;
        const tensor = await checkpoint.read(hfName(key.slice("rows.".length)));
        const columns = tensor.shape[1] as number;
        const values = toFloat32(tensor.dtype, tensor.data);
        const half = (HEAD_SIZE[file.split("-")[0] as string] as number) / 2;
        const isKey = key.includes("attn_k");
        for (let row = 0; row < 4; row++) {
          const own = isKey ? (row % 2 ? half : 0) + (row >> 1) : row; // pairs have become halves
          expect(values.slice(own * columns, (own + 1) * columns), key).toEqual(
            toFloat32("float32", rows.data as Float32Array).slice(row * columns, (row + 1) * columns),
          );
        }
      }
    },
  );

  test.skipIf(folder(file) === "")("logits, greedy tokens and text are the reference's", async () => {
    await using model = await loadModel(path, { precision: "float32" });
    const recorded = await readTensors(folder(file), file.replace(".gguf", ".expected.safetensors"));
    const { logits } = await model.forward({ inputIds: [expected.input_ids] });
    if (!logits) throw new Error("the model gave no logits");
    const ours = { ...logits, shape: logits.shape.slice(1) };
    expect(maxDifference(ours, recorded.logits as NonNullable<typeof recorded.logits>)).toBeLessThan(LOGITS_TOLERANCE);
    const { outputIds } = await model.generate(
      { inputIds: [expected.input_ids] },
      { doSample: false, maxNewTokens: 20, eosTokenId: null },
    );
    expect(outputIds).toEqual(expected.output_ids);
    for (const { text, ids, decoded } of expected.encodings) {
      expect(model.tokenizer?.encode(text).ids, JSON.stringify(text)).toEqual(ids);
      expect(model.tokenizer?.decode(ids, { skipSpecialTokens: true })).toEqual(decoded);
    }
  });
});

const stories = sharedPath("data/models/stories260K-gguf");
const original = sharedPath("data/models/stories260K-hf/expected.json");

describe.skipIf(!stories || !original)("stories260K (skipped where ../shared is absent)", () => {
  test.each([
    ["stories260K-F32.gguf", original ?? ""],
    ["stories260K-Q8_0.gguf", join(stories ?? "", "expected.json")],
  ])("%s tells the story that the reference tells", async (file, answers) => {
    interface Story {
      readonly prompt: string;
      readonly input_ids: number[];
      readonly output_ids: number[];
    }
    const { cases: all } = await readJson<{ cases: Story[] }>(answers);
    await using model = await loadModel(join(stories as string, file), { precision: "float32" });
    for (const { prompt, input_ids, output_ids } of all) {
      const options = { doSample: false, maxNewTokens: output_ids.length, eosTokenId: null };
      const { inputIds, outputIds } = await model.generate({ prompt }, options);
      expect(inputIds).toEqual([input_ids]);
      expect(outputIds, prompt).toEqual(output_ids);
    }
  });

  test("a directory with several GGUF files asks which", async () => {
    await expect(openDirectory(stories as string)).rejects.toThrow("several GGUF files");
  });
});

test("a tokenizer alone is read without touching the weights", async () => {
  const tokenizer = await loadTokenizer(await openDirectory(fixture("gguf/small-bpe-F16.gguf")));
  expect(tokenizer?.vocabularySize).toBe(400);
});

describe("a GGUF model in three parts (split_gguf.py)", () => {
  const first = "small-00001-of-00003.gguf";

  test.each([
    ["its directory", ""],
    ["its first part", first],
  ])("opened by %s, generates and holds what the whole one does", async (_, name) => {
    const split = join(fixture("gguf/split"), name);
    const [whole, parts] = await Promise.all(
      [fixture("gguf/small-Q4_0.gguf"), split].map(async (path) => openCheckpoint(await openDirectory(path))),
    );
    expect(parts?.names().sort()).toEqual(whole?.names().sort());
    for (const name of whole?.names() ?? []) expect(await parts?.read(name)).toEqual(await whole?.read(name));
    const { input_ids, output_ids } = cases.find(({ file }) => file === "small-Q4_0.gguf") as Expected["cases"][number];
    await using model = await loadModel(split);
    const options = { doSample: false, maxNewTokens: output_ids.length, eosTokenId: null };
    expect((await model.generate({ inputIds: [input_ids] }, options)).outputIds).toEqual(output_ids);
  });

  test("with a part that is missing, renamed or another's, is refused in words", async () => {
    const parts = await Promise.all(
      [1, 2, 3].map((part) => readFile(join(fixture("gguf/split"), `small-0000${part}-of-00003.gguf`))),
    );
    const write = async (files: Record<string, Buffer | undefined>): Promise<string> => {
      const made = await mkdtemp(join(cache, "split"));
      for (const [name, content] of Object.entries(files)) await writeFile(join(made, name), content ?? "");
      return made;
    };
    const [a, b, c] = parts;
    const missing = await write({ [first]: a, "small-00003-of-00003.gguf": c });
    await expect(openDirectory(missing)).rejects.toThrow("1 of its 3 parts are missing: small-00002-of-00003.gguf");
    const later = await write({ "small-00002-of-00003.gguf": b });
    await expect(openDirectory(join(later, "small-00002-of-00003.gguf"))).rejects.toThrow(
      `open its first part, ${first}`,
    );
    const renamed = await write({ "small.gguf": a });
    await expect(openDirectory(renamed)).rejects.toThrow("whose names must end in -00001-of-00003.gguf");
    const swapped = await write({ [first]: a, "small-00002-of-00003.gguf": c, "small-00003-of-00003.gguf": b });
    await expect(openDirectory(swapped)).rejects.toThrow("this is not part 2 of 3");
  });
});
