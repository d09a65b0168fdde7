import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseJson } from "../../src/common/index.ts";
import { readConfig } from "../../src/families/index.ts";
import { openFiles } from "../../src/files/index.ts";
import { openSafetensors } from "../../src/formats/index.ts";
import { type HostTensor, toFloat32 } from "../../src/tensor/index.ts";

/** A path below `test/parity/fixtures`. */
export function fixture(path: string): string {
  return fileURLToPath(new URL(`../parity/fixtures/${path}`, import.meta.url));
}

/** The directories of decoder-only models. */
export const decoders = [
  "gemma",
  "gemma2",
  "gemma3_text",
  "gpt2",
  "gpt2_fp16",
  "gpt_neox",
  "llama_bf16",
  "llama_chat",
  "llama_dynamic_ntk",
  "llama_gqa",
  "llama_linear",
  "llama_mha",
  "llama_sharded",
  "llama_yarn",
  "mistral",
  "mixtral",
  "olmo2",
  "phi3",
  "qwen2",
  "qwen3",
  "qwen3_moe",
  "smollm3",
];

/** The directories of encoders. */
export const encoders = [
  "albert_mlm",
  "bert",
  "bert_cls",
  "bert_ner",
  "bert_qa",
  "deberta_v2_cls",
  "distilbert_cls",
  "electra_disc",
  "modernbert_mlm",
  "roberta_mlm",
];

/** The directories of encoder–decoders that generate. */
export const encoderDecoders = ["bart", "m2m_100", "marian", "mbart", "pegasus", "t5_gated", "t5_relu"];

/** The directories that are checked in int8 and int4. */
export const inFewBits = {
  /** Of `models`, as they are: decoders, and encoder–decoders. */
  decoders: [
    "llama_gqa",
    "llama_bf16",
    "gpt2",
    "gpt_neox",
    "mistral",
    "mixtral",
    "qwen3",
    "qwen3_moe",
    "gemma3_text",
    "phi3",
    "olmo2",
  ],
  encoderDecoders: ["bart", "t5_gated", "marian"],
  /** The first of each type and kind, made wider: the layers of `cases` are too narrow to be stored in few bits. */
  wide: firstOfEachKind(),
};

/** The first directory of each type of model and of each kind that it has, but some that do not grow with their widths. */
function firstOfEachKind(): string[] {
  const found = new Map([
    ["albert encoder", "models/albert_mlm"],
    ["deberta-v2 encoder", "models/deberta_v2_cls"],
    ["phi3 decoder", "models/phi3"],
  ]);
  for (const folder of ["cases", "models"])
    for (const name of readdirSync(fixture(folder)).sort()) {
      const path = `${folder}/${name}`;
      const text = readFileSync(fixture(`${path}/config.json`), "utf8");
      const json = parseJson(text, path) as Record<string, unknown>;
      const key = `${json.model_type} ${readConfig(json).kind}`;
      if (!found.has(key)) found.set(key, path);
    }
  return [...found.values(), "cases/gemma4_experts"]; // the one family of which some models are mixtures
}

/** A path below the data that may lie beside the project; undefined where it does not. */
export function sharedPath(path: string): string | undefined {
  const found = fileURLToPath(new URL(`../../../shared/${path}`, import.meta.url));
  return existsSync(found) ? found : undefined;
}

export async function readJson<T>(path: string): Promise<T> {
  return parseJson(await readFile(path, "utf8"), path) as T;
}

/** Every tensor of a safetensors file in a directory. */
export async function readTensors(directory: string, name: string): Promise<Record<string, HostTensor>> {
  const checkpoint = await openSafetensors(await openFiles(directory), name);
  const entries = checkpoint.names().map(async (key) => [key, await checkpoint.read(key)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** The rows of an int64 matrix as plain numbers. */
export function rowsOf({ shape, data }: HostTensor): number[][] {
  const [rows, width] = shape as [number, number];
  return Array.from({ length: rows }, (_, row) => Array.from(data.slice(row * width, (row + 1) * width), Number));
}

/** The largest difference between two tensors; infinite where their shapes differ. */
export function maxDifference(a: HostTensor, b: HostTensor): number {
  if (a.shape.join() !== b.shape.join()) return Number.POSITIVE_INFINITY;
  const [left, right] = [toFloat32(a.dtype, a.data), toFloat32(b.dtype, b.data)];
  let most = 0;
  for (let i = 0; i < left.length; i++) {
    const difference = Math.abs((left[i] as number) - (right[i] as number));
    if (!(difference <= most)) most = difference;
  }
  return most;
}

/** Sets entries whose query is padding to 0, as the reference stores them. `axis` is that of the queries. */
export function maskQueries(
  tensor: HostTensor,
  mask: readonly (readonly number[])[],
  axis: number,
): HostTensor<"float32"> {
  const data = Float32Array.from(toFloat32(tensor.dtype, tensor.data));
  const inner = tensor.shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const [batch, length] = [tensor.shape[0] as number, tensor.shape[axis] as number];
  const outer = data.length / (inner * length);
  for (let i = 0; i < outer; i++) {
    const row = mask[Math.floor((i * batch) / outer)] as readonly number[];
    for (let t = 0; t < length; t++) if (!row[t]) data.fill(0, (i * length + t) * inner, (i * length + t + 1) * inner);
  }
  return { dtype: "float32", shape: tensor.shape, data };
}
