import { cp, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture, readJson, readTensors } from "../../test/helpers/fixtures.ts";
import { safetensorsChunks } from "../formats/index.ts";
import { loadModel } from "../inference/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import { pipeline } from "./pipeline.ts";

const width = 32;

/** What scores three classes off a state, by hand: the third, the fourth and the fifth of its entries. */
const score = Float32Array.from({ length: 3 * width }, (_, i) => Number(i % width === Math.floor(i / width) + 2));

async function changed(config: object, tensors: Record<string, HostTensor> = {}): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "lectern-"));
  await cp(fixture("models/llama_gqa"), directory, { recursive: true });
  const own = await readJson<object>(join(directory, "config.json"));
  await writeFile(join(directory, "config.json"), JSON.stringify({ ...own, ...config }));
  const all = { ...(await readTensors(directory, "model.safetensors")), ...tensors };
  await writeFile(join(directory, "model.safetensors"), Buffer.concat(safetensorsChunks(all)));
  return directory;
}

/** The state of the last token as it leaves the model. */
async function lastState(directory: string, text: string): Promise<number[]> {
  await using model = await loadModel(directory);
  const ids = model.tokenizer?.encode(text).ids as number[];
  const { hiddenStates } = await model.forward({ inputIds: [ids] }, { hiddenStates: true });
  return Array.from(hiddenStates?.at(-1)?.data.slice(-width) ?? [], Number);
}

test("a decoder's head for sequences gives classes, off the last token of each text", async () => {
  const directory = await changed(
    { architectures: ["LlamaForSequenceClassification"], id2label: { 0: "bad", 1: "fair", 2: "good" } },
    { "score.weight": { dtype: "float32", shape: [3, width], data: score } },
  );
  await using classify = await pipeline("text-classification", directory);
  const texts = ["The fox ran home.", "A", "She sold the boat and went to sea again."];
  const found = (await classify(texts)) as { label: string; score: number }[];
  for (const [i, text] of texts.entries()) {
    const logits = (await lastState(directory, text)).slice(2, 5);
    const shares = logits.map((x) => Math.exp(x) / logits.reduce((sum, y) => sum + Math.exp(y), 0));
    const best = shares.indexOf(Math.max(...shares));
    expect(found[i]?.label).toBe(["bad", "fair", "good"][best]);
    expect(found[i]?.score).toBeCloseTo(shares[best] as number, 5);
  }
  await using model = await loadModel(directory);
  await expect(model.generate({ prompt: "A" })).rejects.toThrow("has no head that scores words and does not generate");
});

test("a decoder without a head gives the states of its tokens, and one that does not say its head too", async () => {
  const text = "The fox ran home.";
  const expected = await lastState(fixture("models/llama_gqa"), text);
  for (const architectures of [["LlamaModel"], undefined]) {
    const directory = await changed({ architectures, tie_word_embeddings: architectures === undefined });
    await using extract = await pipeline("feature-extraction", directory);
    const [states] = (await extract(text)) as Float32Array[][];
    const last = states?.at(-1) ?? new Float32Array();
    expect(last).toHaveLength(width);
    expect(Math.max(...last.map((x, i) => Math.abs(x - (expected[i] as number))))).toBeLessThan(1e-5);
  }
  await using model = await loadModel(await changed({ architectures: ["LlamaModel"] }));
  await expect(model.generate({ prompt: "A" })).rejects.toThrow("and does not generate text");
});
