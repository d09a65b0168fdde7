import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModel } from "../../src/inference/index.ts";
import { exportOnnx } from "../../src/inference/onnx/export-onnx.ts";
import { fixture } from "../helpers/fixtures.ts";

/** The part of Transformers.js 4.3 that is used here. */
interface Peer {
  readonly env: { allowRemoteModels: boolean; localModelPath: string };
  readonly Tensor: new (type: "int64", data: BigInt64Array, shape: readonly number[]) => PeerTensor;
  readonly AutoModelForCausalLM: Loader;
  readonly AutoModelForSeq2SeqLM: Loader;
  readonly AutoModelForSequenceClassification: Loader;
}
interface PeerTensor {
  tolist(): (number | bigint)[][];
}
interface Loader {
  from_pretrained(name: string, options: { dtype: string }): Promise<PeerModel>;
}
type PeerModel = ((inputs: Record<string, PeerTensor>) => Promise<{ readonly logits: PeerTensor }>) & {
  generate(options: object): Promise<PeerTensor>;
  dispose(): Promise<unknown>;
};

/** Where the peer may be installed. */
const entry = ["./", "../../bench/"]
  .map(
    (folder) => new URL(`${folder}node_modules/@huggingface/transformers/dist/transformers.node.mjs`, import.meta.url),
  )
  .map((url) => fileURLToPath(url))
  .find((path) => existsSync(path));
const hint = "skipped without npm install --prefix test/peers";

let peer: Peer;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-"));
  process.env.LECTERN_CACHE = join(folder, "cache");
  if (entry === undefined) return;
  peer = (await import(pathToFileURL(entry).href)) as Peer;
  peer.env.allowRemoteModels = false;
  peer.env.localModelPath = `${folder}/`;
});
afterAll(() => rm(folder, { recursive: true }));

type Rows = readonly (readonly number[])[];

const tensor = (rows: Rows): PeerTensor =>
  new peer.Tensor("int64", BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]?.length ?? 0]);

const dtypes = { float32: "fp32", int8: "q8", int4: "q4" } as const;
type Precision = keyof typeof dtypes;

/** Models that ship with the package: their matrices are wide enough to be in few bits, those of fixtures are not. */
const shipped = new Set(["stories", "translate"]);

function pathOf(name: string): string {
  return shipped.has(name)
    ? fileURLToPath(new URL(`../../models/${name}`, import.meta.url))
    : fixture(`models/${name}`);
}

/** Exports a model and loads it in Transformers.js. */
async function loaded(path: string, precision: Precision, loader: Loader): Promise<PeerModel> {
  const name = await mkdtemp(join(folder, "model-"));
  await exportOnnx(path, { out: name, layout: "transformers.js", precision });
  return loader.from_pretrained(name.slice(folder.length + 1), { dtype: dtypes[precision] });
}

const ids: Rows = [
  [9, 5, 7, 30, 12, 4, 21, 2],
  [0, 0, 0, 7, 8, 31, 6, 2],
];
const mask: Rows = [ids[0]?.map(() => 1) ?? [], [0, 0, 0, 1, 1, 1, 1, 1]];
const STEPS = 12;

describe.skipIf(entry === undefined)(`Transformers.js runs an exported model (${hint})`, () => {
  test.each([
    ["gpt2", "float32"],
    ["llama_gqa", "float32"],
    ["llama_chat", "float32"],
    ["gemma3_text", "float32"],
    ["qwen3", "float32"],
    ["phi3", "float32"],
    ["stories", "int8"],
    ["stories", "int4"],
    ["gpt2", "int8"],
    ["llama_gqa", "int8"],
    ["gpt2", "int4"],
    ["llama_gqa", "int4"],
  ] as const)("%s in %s: two rows of different lengths, the same greedy tokens", async (name, precision) => {
    const path = pathOf(name);
    const theirs = await loaded(path, precision, peer.AutoModelForCausalLM);
    const ours = await loadModel(path, { precision });
    const lengths = { max_new_tokens: STEPS, min_new_tokens: STEPS };
    const greedy = { do_sample: false, repetition_penalty: 1 };
    const inputs = { inputs: tensor(ids), attention_mask: tensor(mask) };
    const written = (await theirs.generate({ ...inputs, ...lengths, ...greedy })).tolist();
    for (const [row, tokens] of written.entries()) {
      const inputIds = ids[row]?.filter((_, i) => mask[row]?.[i]) ?? [];
      const options = { maxNewTokens: STEPS, minNewTokens: STEPS, doSample: false, repetitionPenalty: 1 };
      const { outputIds } = await ours.generate({ inputIds }, options);
      expect(tokens.slice(ids[0]?.length).map(Number)).toEqual(outputIds);
    }
    await Promise.all([theirs.dispose(), ours.dispose()]);
  });

  test.each([
    ["t5_relu", "float32"],
    ["t5_gated", "float32"],
    ["marian", "float32"],
    ["m2m_100", "float32"],
    ["bart", "float32"],
    ["t5_relu", "int8"],
    ["marian", "int8"],
    ["marian", "int4"],
    ["translate", "int8"],
    ["translate", "int4"],
  ] as const)("%s in %s: the same greedy tokens", async (name, precision) => {
    const path = pathOf(name);
    const theirs = await loaded(path, precision, peer.AutoModelForSeq2SeqLM);
    const ours = await loadModel(path, { precision });
    const rows = ids.slice(0, 1);
    const lengths = { max_new_tokens: STEPS, min_new_tokens: STEPS };
    // Beside a generation_config.json, Transformers.js also reads config.json, and the reference does not.
    const besides = shipped.has(name) && { forced_eos_token_id: null };
    const greedy = { do_sample: false, num_beams: 1, repetition_penalty: 1, ...besides };
    const inputs = { inputs: tensor(rows), attention_mask: tensor(mask.slice(0, 1)) };
    const [tokens] = (await theirs.generate({ ...inputs, ...lengths, ...greedy })).tolist();
    const options = { maxNewTokens: STEPS, minNewTokens: STEPS, doSample: false, numBeams: 1, repetitionPenalty: 1 };
    const { outputIds } = await ours.generate({ inputIds: rows[0] ?? [] }, options);
    expect(tokens?.slice(1).map(Number)).toEqual(outputIds);
    await Promise.all([theirs.dispose(), ours.dispose()]);
  });

  test.each(["bert_cls", "distilbert_cls"])("%s: the same logits", async (name) => {
    const path = fixture(`models/${name}`);
    const theirs = await loaded(path, "float32", peer.AutoModelForSequenceClassification);
    const ours = await loadModel(path);
    const { logits } = await theirs({ input_ids: tensor(ids), attention_mask: tensor(mask) });
    const expected = (await ours.forward({ inputIds: ids, attentionMask: mask })).logits;
    for (const [i, value] of logits.tolist().flat().entries())
      expect(Number(value)).toBeCloseTo(expected?.data[i] as number, 4);
    await Promise.all([theirs.dispose(), ours.dispose()]);
  });
});
