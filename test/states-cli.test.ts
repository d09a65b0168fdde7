import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cli } from "./helpers/cli.ts";
import { fixture } from "./helpers/fixtures.ts";

let folder = "";

/** A tokenizer of single characters, as many as the tiny models have words. */
const characters = [..." \n.,abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"].slice(0, 40);
const tokenizer = {
  version: "1.0",
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: { type: "Fuse" },
  model: { type: "BPE", vocab: Object.fromEntries(characters.map((piece, id) => [piece, id])), merges: [] },
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-states-"));
  for (const name of ["mamba", "qwen3_5_text"]) {
    await cp(fixture(`cases/${name}`), join(folder, name), { recursive: true });
    await writeFile(join(folder, name, "tokenizer.json"), JSON.stringify(tokenizer));
  }
  const rows = Array.from({ length: 12 }, (_, i) => JSON.stringify({ text: `the cat sat ${"abcdef"[i % 6]}.` }));
  await writeFile(join(folder, "texts.jsonl"), `${rows.join("\n")}\n`);
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Three programs run one after the other, one of which trains. */
const PATIENCE = 300_000;

test.each(["mamba", "qwen3_5_text"])(
  "%s runs, is looked into and is fine-tuned from the command line",
  { timeout: PATIENCE },
  async (name) => {
    const model = join(folder, name);
    const run = await cli(["run", model, "the cat", "--max-new-tokens", "4", "--temperature", "0", "--quiet"]);
    expect(run.err).toBe("");
    expect(run.code).toBe(0);
    const out = join(folder, `${name}.safetensors`);
    const forward = await cli(["forward", model, "--text", "the cat", "--out", out]);
    expect(forward.err).toBe("");
    expect(forward.out).toContain("logits\t[1, 7, 40]");
    expect(forward.out).toContain("hidden_states.2\t[1, 7, 32]");
    expect(forward.out.includes("attentions.0")).toBe(name === "qwen3_5_text");
    const tuned = join(folder, `${name}-tuned`);
    const texts = join(folder, "texts.jsonl");
    const settings = ["--epochs", "1", "--batch-size", "4", "--quiet", "--out", tuned];
    const finetune = await cli(["finetune", model, texts, "--task", "text-generation", ...settings]);
    expect(finetune.err).toBe("");
    expect(finetune.code).toBe(0);
    expect((await cli(["run", tuned, "the cat", "--max-new-tokens", "4", "--quiet"])).code).toBe(0);
  },
);
