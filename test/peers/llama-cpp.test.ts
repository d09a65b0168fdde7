import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { preTokenizerJson, preTokenizers } from "../../src/formats/gguf/pre-tokenizers.ts";
import { type WrittenType, writtenTypes } from "../../src/formats/index.ts";
import { exportGguf } from "../../src/inference/export-gguf.ts";
import { loadModel } from "../../src/inference/index.ts";
import type { HostTensor } from "../../src/tensor/index.ts";
import { fixture, readJson, sharedPath } from "../helpers/fixtures.ts";
import { ggufCases } from "../helpers/gguf-all-cases.ts";
import type { GgufCase } from "../helpers/gguf-cases.ts";
import { changedModel, ggufFamilies } from "../helpers/gguf-families.ts";
import { texts } from "../helpers/gguf-tokens.ts";
import { writeBoth } from "../helpers/gguf-writer.ts";

/** The part of node-llama-cpp 3.22 that is used here. */
interface Peer {
  loadModel(options: { modelPath: string }): Promise<PeerModel>;
}
interface PeerModel {
  tokenize(text: string): number[];
  createContext(options: { contextSize: number; threads: number } & typeof EXACT): Promise<{
    getSequence(): {
      evaluateWithMetadata(
        ids: readonly number[],
        metadata: { probabilities: true },
        options: { temperature: number },
      ): AsyncIterable<{ token: number; probabilities: ReadonlyMap<number, number> }>;
    };
    dispose(): Promise<void>;
  }>;
  createEmbeddingContext(options: { contextSize: number; threads: number } & typeof EXACT): Promise<{
    getEmbeddingFor(ids: readonly number[]): Promise<{ vector: readonly number[] }>;
    dispose(): Promise<void>;
  }>;
  dispose(): Promise<void>;
}

/**
 * llama.cpp rounds activations: to 8 bits before products with Q8_0 and Q4_0, to 16 before F16 and BF16. Where the best
 * two logits lie closer than this, either may win.
 */
const NEAR_TIE: Readonly<Record<WrittenType, number>> = { F32: 1e-4, F16: 2e-3, BF16: 0.02, Q8_0: 0.02, Q4_0: 0.02 };

/** Keys and values in float32, and attention without shortcuts: what llama.cpp computes most exactly. */
const EXACT = {
  flashAttention: false,
  experimentalKvCacheKeyType: "F32",
  experimentalKvCacheValueType: "F32",
} as const;

/** Of log-probabilities, float32 against float32; ggml looks GELU up in a table of float16. */
const tolerance = (name: string): number => (name.startsWith("gemma") ? 1e-3 : 1e-4);

const entry = fileURLToPath(new URL("node_modules/node-llama-cpp/dist/index.js", import.meta.url));
const stories = fileURLToPath(new URL("../../models/stories", import.meta.url));
const hint = "skipped without npm install --prefix test/peers";

let peer: Peer;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-"));
  process.env.LECTERN_CACHE = join(folder, "cache");
  if (!existsSync(entry)) return;
  const { getLlama } = (await import(pathToFileURL(entry).href)) as { getLlama(options: object): Promise<Peer> };
  peer = await getLlama({ gpu: false, build: "never", logLevel: "error" });
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

/** Greedy tokens, and how probable each token of the vocabulary is as the first. */
async function peerTokens(
  path: string,
  ids: readonly number[],
  count: number,
): Promise<{ tokens: number[]; first: ReadonlyMap<number, number> }> {
  const model = await peer.loadModel({ modelPath: path });
  const context = await model.createContext({ contextSize: 256, threads: 1, ...EXACT });
  const tokens: number[] = [];
  let first: ReadonlyMap<number, number> = new Map();
  const sequence = context.getSequence();
  const greedy = { temperature: 0 };
  for await (const step of sequence.evaluateWithMetadata(ids, { probabilities: true }, greedy)) {
    if (tokens.length === 0) first = step.probabilities;
    tokens.push(step.token);
    if (tokens.length === count) break;
  }
  await context.dispose();
  await model.dispose();
  return { tokens, first };
}

/** The largest difference of log-probabilities. */
function distance(logits: Float32Array, probabilities: ReadonlyMap<number, number>): number {
  const most = logits.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
  const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0)) + most;
  const differences = Array.from(probabilities, ([id, p]) => Math.abs(Math.log(p) - ((logits[id] as number) - total)));
  return Math.max(...differences);
}

/** Ours and theirs, up to the first near tie or, if there is none, to the end; how many that are. */
async function compare(
  path: string,
  ids: readonly number[],
  count: number,
  nearTie: number,
  endToken = -1,
): Promise<{ compared: number; distance: number }> {
  await using model = await loadModel(path, { precision: "float32" });
  const options = { doSample: false, maxNewTokens: count, eosTokenId: null, outputLogits: true };
  const { sequences } = await model.generate({ inputIds: [ids] }, options);
  const { outputIds = [], logits = [] } = sequences[0] ?? {};
  const tie = logits.findIndex((row) => {
    const [best = 0, second = 0] = Float32Array.from(row).sort().reverse();
    return best - second < nearTie;
  });
  const end = outputIds.indexOf(endToken);
  const sure = Math.min(tie < 0 ? count : tie, end < 0 ? count : Math.max(1, end)); // where llama.cpp stops
  const theirs = await peerTokens(path, ids, Math.max(1, sure));
  expect(theirs.tokens.slice(0, sure)).toEqual(outputIds.slice(0, sure));
  expect(theirs.first.size).toBe(logits[0]?.length);
  return { compared: sure, distance: distance(Float32Array.from(logits[0] ?? []), theirs.first) };
}

describe.skipIf(!existsSync(entry))(`what Lectern writes, in llama.cpp (${hint})`, () => {
  test.each(writtenTypes)("the shipped model as %s: same ids, same greedy story", async (type: WrittenType) => {
    const path = join(folder, `stories-${type}.gguf`);
    await exportGguf(stories, { type, out: path });
    await using model = await loadModel(path, { precision: "float32" });
    const theirs = await peer.loadModel({ modelPath: path });
    let compared = 0;
    for (const prompt of ["Once upon a time", "The wolf said to the little girl", "The old king had three sons"]) {
      const ids = model.tokenizer?.encode(prompt).ids ?? [];
      expect(theirs.tokenize(prompt)).toEqual(ids);
      compared += (await compare(path, ids, 60, NEAR_TIE[type])).compared;
    }
    await theirs.dispose();
    console.log(`${type}: ${compared} of 180 tokens before the first near ties, all equal`);
    expect(compared).toBeGreaterThan(type === "F32" || type === "F16" ? 120 : 20);
  });

  const decoders = Object.entries(ggufCases).filter(([, { differs, isEncoder }]) => !differs && !isEncoder);
  test.each(decoders)("%s as its converter writes it: same probabilities", async (name, own) => {
    const { file } = await writeBoth(own, await mkdtemp(join(folder, `${name}-`)));
    const { distance } = await compare(file, [7, 5, 20, 11, 9, 3, 30], 8, NEAR_TIE.F32, 2);
    expect(distance).toBeLessThan(own.tolerance ?? 1e-4);
  });

  const encoders = Object.entries(ggufCases).filter(([, { isEmbedder }]) => isEmbedder);
  test.each(encoders)("%s as its converter writes it: same embedding", async (name, own) => {
    const { file } = await writeBoth(own, await mkdtemp(join(folder, `${name}-`)));
    const ids = [2, 7, 5, 20, 11, 9, 22, 4, 8, 15, 16, 3]; // with BERT's start and end
    await using model = await loadModel(file, { precision: "float32" });
    const { lastHiddenState } = await model.forward({ inputIds: [ids] });
    const { data, shape } = lastHiddenState as HostTensor<"float32">;
    const width = shape[2] as number;
    const isFirst = own.metadata.some(([key, , value]) => key.endsWith(".pooling_type") && value === 2);
    const mean = Array.from({ length: width }, (_, i) =>
      ids.reduce((sum, _, t) => sum + (data[(isFirst ? 0 : t) * width + i] as number), 0),
    );
    const theirs = await peer.loadModel({ modelPath: file });
    const context = await theirs.createEmbeddingContext({ contextSize: 64, threads: 1, ...EXACT });
    const { vector } = await context.getEmbeddingFor(ids);
    await context.dispose();
    await theirs.dispose();
    const unit = (values: readonly number[]): number[] => values.map((value) => value / Math.hypot(...values));
    const [a, b] = [unit(mean), unit(vector)];
    expect(b.length).toBe(a.length);
    expect(Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number))))).toBeLessThan(1e-3);
  });

  test.each(["bert", "t5"])("the tokens of %s as its converter writes them: same ids", async (name) => {
    const { file } = await writeBoth(ggufCases[name] as GgufCase, await mkdtemp(join(folder, `${name}-`)));
    await using ours = await loadModel(file, { precision: "float32" });
    const theirs = await peer.loadModel({ modelPath: file });
    for (const text of texts)
      expect(ours.tokenizer?.encode(text, { addSpecialTokens: false }).ids, text).toEqual(theirs.tokenize(text));
    await theirs.dispose();
  });

  test.each(Object.entries(ggufFamilies))("%s: same greedy tokens", async (name, changes) => {
    interface Expected {
      readonly generation: { id: string; input_ids: number[] }[];
    }
    const path = join(folder, `${name}.gguf`);
    await exportGguf(await changedModel(name, changes), { type: "F32", out: path, name: "tiny" }); // llama.cpp asks files named phi3 for its tokens
    const { generation } = await readJson<Expected>(fixture(`models/${name}/expected.json`));
    const ids = generation.find(({ id }) => id === "greedy")?.input_ids ?? [];
    const [few, count] = name === "mistral" ? [ids.slice(0, 4), 4] : [ids, 20];
    const { compared, distance } = await compare(path, few, count, NEAR_TIE.F32);
    expect(compared).toBe(count);
    expect(distance).toBeLessThan(tolerance(name));
  });

  test.each(Object.entries(preTokenizers))("pre-tokenizer %s: same ids", async (name, pre) => {
    const directory = join(folder, name);
    await cp(stories, directory, { recursive: true });
    const file = join(directory, "tokenizer.json");
    const json = JSON.parse(await readFile(file, "utf8")) as { model: object };
    const model = { ...json.model, ignore_merges: pre.ignoreMerges ?? false };
    const normalizer = pre.normalizer ? { type: pre.normalizer } : null;
    await writeFile(file, JSON.stringify({ ...json, model, normalizer, pre_tokenizer: preTokenizerJson(pre) }));
    const path = join(folder, `${name}.gguf`);
    await exportGguf(directory, { type: "Q4_0", out: path });
    await using ours = await loadModel(path, { precision: "float32" });
    const theirs = await peer.loadModel({ modelPath: path });
    const texts = [
      "don't DON'T",
      "a 12345.67",
      "  two   spaces\n\n\nand lines \n",
      "HelloWorld iPhone",
      "café 한국어 😀!?...",
      "x=1;\t\ty",
    ];
    for (const text of texts)
      expect(ours.tokenizer?.encode(text, { addSpecialTokens: false }).ids, text).toEqual(theirs.tokenize(text));
    await theirs.dispose();
  });

  test.skipIf(!sharedPath("data/models/stories260K-gguf"))("stories260K tells the same story", async () => {
    const path = join(sharedPath("data/models/stories260K-gguf") as string, "stories260K-F32.gguf");
    expect((await compare(path, [1], 200, NEAR_TIE.F32)).compared).toBe(200);
  });
});
