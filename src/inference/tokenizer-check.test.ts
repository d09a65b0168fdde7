import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { fixture, readJson } from "../../test/helpers/fixtures.ts";
import { loadModel } from "./index.ts";

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

/** A copy of a tiny model whose config, or tokenizer, is another. */
async function changed(config: object, tokenizerOf?: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  folders.push(folder);
  await cp(fixture("models/gpt2"), folder, { recursive: true });
  const json = await readJson<object>(fixture("models/gpt2/config.json"));
  await writeFile(join(folder, "config.json"), JSON.stringify({ ...json, ...config }));
  for (const name of tokenizerOf === undefined ? [] : ["tokenizer.json", "tokenizer_config.json"])
    await cp(fixture(`models/${tokenizerOf}/${name}`), join(folder, name));
  return folder;
}

test("another model's tokenizer is refused with the reason, and force takes it", async () => {
  const folder = await changed({}, "llama_mha");
  await expect(loadModel(folder)).rejects.toThrow("the tokenizer does not belong to the model");
  await using model = await loadModel(folder, { force: true });
  expect(model.tokenizer?.encode("a").ids.length).toBeGreaterThan(0);
});

test("tokens that only settings declare need no row of the embedding", async () => {
  const folder = await changed({});
  const config = await readJson<object>(join(folder, "tokenizer_config.json"));
  await writeFile(join(folder, "tokenizer_config.json"), JSON.stringify({ ...config, pad_token: "[PAD]" }));
  await using model = await loadModel(folder);
  const size = Number(model.config.vocab_size);
  expect(model.tokenizer?.padId).toBe(size);
  expect([model.tokenizer?.vocabularySize, model.tokenizer?.ownVocabularySize]).toEqual([size + 1, size]);
});

test("an end token that is an ordinary word to the tokenizer is refused", async () => {
  const folder = await changed({ eos_token_id: 300, bos_token_id: 300 });
  await writeFile(join(folder, "generation_config.json"), "{}");
  await expect(loadModel(folder)).rejects.toThrow(/bos_token_id is 300, which is the word/);
});

test("the tokenizer that training recorded is taken, another refused", async () => {
  await using model = await loadModel(await changed({}));
  const recorded = model.tokenizer?.fingerprint;
  expect(recorded).toMatch(/^[0-9a-f]{16}$/);
  await (await loadModel(await changed({ tokenizer_fingerprint: recorded }))).dispose();
  await expect(loadModel(await changed({ tokenizer_fingerprint: "0".repeat(16) }))).rejects.toThrow("fingerprint");
});
