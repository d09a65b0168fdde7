import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readConfig } from "../../src/families/index.ts";
import { openFiles } from "../../src/files/index.ts";
import { openSafetensors, safetensorsChunks } from "../../src/formats/index.ts";
import { forwardGraph } from "../../src/inference/forward-graph.ts";
import { parametersOf } from "../../src/inference/weights.ts";
import { elementCount, type HostTensor } from "../../src/tensor/index.ts";
import { fixture, readJson } from "./fixtures.ts";

type Json = Readonly<Record<string, unknown>>;

/** The factor by which the widths of a tiny model are multiplied, so that its matrices are whole blocks. */
const factorOf = ({ hidden_size: size }: Json): number => (typeof size === "number" && size >= 32 ? 4 : 8);

/** Fields that hold widths. */
const widths =
  /^(vocab_size|hidden_size|pooler_hidden_size|n_embd|n_embed|n_inner|d_model|d_ff|d_kv|dim|hidden_dim|embedding_size|ffn_dim|(encoder|decoder)_ffn_dim|ffn_hidden_size|(moe_|shared_expert_)?intermediate_size|(global_)?head_dim|v_head_dim|(q|kv)_lora_rank|qk_(rope|nope)_head_dim|linear_(key|value)_head_dim|hidden_size_per_layer_input|vocab_size_per_layer_input|attention_hidden_size|rotary_dim|decoder_vocab_size|mrope_section)$/;

/** A config with wider layers. */
function widened(json: Json, factor = factorOf(json)): Json {
  const entries = Object.entries(json).map(([key, value]): [string, unknown] => {
    if (key === "text_config" || key === "rope_parameters") return [key, widened(value as Json, factor)];
    if (!widths.test(key)) return [key, value];
    if (Array.isArray(value)) return [key, value.map((size) => size * factor)];
    return [key, typeof value === "number" ? value * factor : value];
  });
  return Object.fromEntries(entries);
}

/** The same numbers on every machine: roughly normal, of deviation 1. */
function noise(seed: number): () => number {
  let state = seed;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return () => (uniform() + uniform() + uniform() + uniform() - 2) * Math.sqrt(3);
}

/** Values with which a layer keeps the size of what it reads, and scores of attention are small. */
function drawn(
  name: string,
  shape: readonly number[],
  { draw, offset }: { draw: () => number; offset: number },
): Float32Array {
  const isNorm = /(norm|ln_\w+|LayerNorm|layernorm|norm1|norm2)\.weight$/.test(name);
  const ofHeads = /[qk]_(norm|layernorm)\./.test(name) ? 0.3 : 1;
  const base = isNorm ? ofHeads - (name.endsWith("linear_attn.norm.weight") ? 0 : offset) : 0;
  const ofVector = name.endsWith("e_score_correction_bias") ? 0.01 : 0.1; // lest all tokens prefer the same experts
  const scale = shape.length === 2 ? 0.5 / Math.sqrt(shape[1] as number) : ofVector;
  return Float32Array.from({ length: elementCount(shape) }, () => base + scale * draw());
}

/** Writes a wider model of a fixture's kind, with random weights; its path. */
export async function writeWide(path: string, folder: string): Promise<string> {
  const config = widened(await readJson<Json>(fixture(`${path}/config.json`)));
  const stored = await names(fixture(path));
  const architecture = readConfig(config, stored);
  const parameters = parametersOf(Object.values(forwardGraph(architecture).heads));
  const { normOffset: offset = 0 } = architecture.config as { normOffset?: number };
  const draw = noise(parameters.size);
  const tensors = [...parameters].map(([name, { shape }]): [string, HostTensor] => {
    const sizes = shape as readonly number[];
    return [name, { dtype: "float32", shape: sizes, data: drawn(name, sizes, { draw, offset }) }];
  });
  const directory = join(folder, path.replace("/", "-"));
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "config.json"), JSON.stringify(config));
  await writeFile(join(directory, "model.safetensors"), Buffer.concat(safetensorsChunks(Object.fromEntries(tensors))));
  return directory;
}

async function names(directory: string): Promise<string[]> {
  const files = (await readdir(directory)).filter((name) => /^model.*\.safetensors$/.test(name));
  const all = await Promise.all(
    files.map(async (name) => (await openSafetensors(await openFiles(directory), name)).names()),
  );
  return all.flat();
}
