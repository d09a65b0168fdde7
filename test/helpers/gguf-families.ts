import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fixture } from "./fixtures.ts";
import { ggufCases } from "./gguf-all-cases.ts";

/** Reference models that can be written as GGUF, with what must differ in `config.json` to be so. */
export const ggufFamilies: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  llama_mha: {},
  llama_gqa: {},
  llama_bf16: {},
  llama_sharded: {},
  llama_linear: {},
  llama_yarn: {},
  llama_chat: {},
  mistral: {},
  mixtral: {},
  qwen2: {},
  qwen3: {},
  gemma: {},
  gemma2: { query_pre_attn_scalar: 8 }, // GGUF has no key for it: it is the head size
  gemma3_text: { query_pre_attn_scalar: 8 },
  phi3: {},
};

/** Reference models that gguf-newer.test.ts reads as llama.cpp's converter writes them. */
export const readAsGguf: readonly string[] = Object.values(ggufCases).map(({ fixture: path }) => basename(path));

/** A copy of a reference model with a changed `config.json`. */
export async function changedModel(name: string, changes: Readonly<Record<string, unknown>>): Promise<string> {
  const directory = join(await mkdtemp(join(tmpdir(), "lectern-")), name);
  await cp(fixture(`models/${name}`), directory, { recursive: true });
  const json = JSON.parse(await readFile(join(directory, "config.json"), "utf8")) as Record<string, unknown>;
  await writeFile(join(directory, "config.json"), JSON.stringify({ ...json, ...changes }));
  return directory;
}
