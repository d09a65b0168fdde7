import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type GgufEntry, type GgufOutput, ggufPieces, safetensorsChunks } from "../../src/formats/index.ts";
import { fromFloat32, type HostTensor, toFloat32 } from "../../src/tensor/index.ts";
import { fixture, readJson, readTensors } from "./fixtures.ts";
import type { Floats, GgufCase, Json } from "./gguf-cases.ts";
import { tokenEntries } from "./gguf-tokens.ts";

/** The metadata that the converter writes for most models. */
function common(architecture: string, config: Json, layers: number): GgufEntry[] {
  const keys: readonly (readonly [string, string, "u32" | "f32"])[] = [
    ["context_length", "max_position_embeddings", "u32"],
    ["embedding_length", "hidden_size", "u32"],
    ["feed_forward_length", "intermediate_size", "u32"],
    ["attention.head_count", "num_attention_heads", "u32"],
    ["attention.head_count_kv", "num_key_value_heads", "u32"],
    ["attention.layer_norm_rms_epsilon", "rms_norm_eps", "f32"],
    ["rope.freq_base", "rope_theta", "f32"],
  ];
  const defaults: Json = { rms_norm_eps: 1e-6, rope_theta: 10000 };
  const entries = keys.flatMap(([key, field, type]): GgufEntry[] => {
    const value = config[field] ?? defaults[field];
    return typeof value === "number" ? [[`${architecture}.${key}`, type, value]] : [];
  });
  return [[`${architecture}.block_count`, "u32", layers], ...entries];
}

const layerRoot = /^\w+\.layers\.(\d+)\./;

/** `model.layers.0.mlp.gate.weight` → `blk.0.ffn_gate_inp.weight`. */
function ggufNameOf(path: string, { names, root = layerRoot }: GgufCase): string {
  const [start = "", layer] = root.exec(path) ?? [];
  const [, part = "", ending = ""] = /^(.+?)(\.weight|\.bias)?$/.exec(path.slice(start.length)) ?? [];
  const name = names[part];
  if (name === undefined) throw new Error(`${path} has no name`);
  return `${layer === undefined ? "" : `blk.${layer}.`}${name}${/\.(weight|bias)$/.test(name) ? "" : ending}`;
}

const expertPart = /^(?:model\.layers\.(\d+)\.)mlp\.experts\.(\d+)\.(gate|up|down)_proj\.(weight|bias)$/;

/** The tensors as the file has them: those of all experts of a layer together. */
function outputs(weights: ReadonlyMap<string, Floats>, own: GgufCase): GgufOutput[] {
  const { change, stack } = own;
  const found = new Map<string, Floats>();
  const experts = new Map<string, Floats[]>();
  for (const [path, tensor] of weights) {
    const [, layer, expert, part, ending] = expertPart.exec(path) ?? [];
    const isExpert = layer !== undefined;
    const placed = isExpert
      ? { name: `blk.${layer}.ffn_${part}_exps.${ending}`, index: Number(expert) }
      : stack?.(path);
    if (placed) {
      const list = experts.get(placed.name) ?? [];
      list[placed.index] = tensor;
      experts.set(placed.name, list);
      continue;
    }
    for (const [name, made] of own.split?.(path, tensor) ?? [[ggufNameOf(path, own), tensor]])
      found.set(name, change?.(name, made) ?? made);
  }
  for (const [name, list] of experts) {
    const values = Float32Array.from(list.flatMap((tensor) => Array.from(tensor.values)));
    found.set(name, { shape: [list.length, ...(list[0] as Floats).shape], values });
  }
  const byName = new Map([...found].sort(([a], [b]) => place(a) - place(b)));
  return [...(own.isFused ? fused(byName) : found)].map(([name, { shape, values }]) => ({
    name,
    shape,
    type: shape.length === 2 && (shape[1] as number) % 32 === 0 ? (own.type ?? "F32") : "F32",
    values: async function* () {
      yield values;
    },
  }));
}

/** Queries first, then keys, then values. */
const place = (name: string): number => "qkv".indexOf(/attn_([qkv])\./.exec(name)?.[1] ?? "q");

/** The same tensors with queries, keys and values of each layer one after the other. */
function fused(tensors: ReadonlyMap<string, Floats>): Map<string, Floats> {
  const out = new Map<string, Floats>();
  for (const [name, { shape, values }] of tensors) {
    const all = out.get(name.replace(/attn_[kv]\./, "attn_qkv."));
    if (!/attn_[kv]\./.test(name) || !all) out.set(name.replace("attn_q.", "attn_qkv."), { shape, values });
    else {
      const rows = (all.shape[0] as number) + (shape[0] as number);
      const joined = Float32Array.from([...all.values, ...values]);
      out.set(name.replace(/attn_[kv]\./, "attn_qkv."), { shape: [rows, ...shape.slice(1)], values: joined });
    }
  }
  return out;
}

/** gpt-oss's experts, whose checkpoint holds `[N, I, O]` with gate and up in turns, as `[N, O, I]` apart. */
function apart(path: string, { shape, values }: Floats): readonly (readonly [string, Floats])[] {
  const [, root, part, bias] = /^(.*\.mlp\.experts)\.(gate_up|down)_proj(_bias)?$/.exec(path) ?? [];
  if (root === undefined) return [[path, { shape, values }]];
  const [count, ...rest] = shape as [number, ...number[]];
  const inSize = bias ? 1 : (rest[0] as number);
  const outSize = rest.at(-1) as number;
  const turns = part === "gate_up" ? ["gate", "up"] : ["down"];
  return Array.from({ length: count }, (_, expert) =>
    turns.map((turn, t): [string, Floats] => {
      const rows = outSize / turns.length;
      const own = Float32Array.from({ length: rows * inSize }, (_, i) => {
        const [row, column] = [Math.floor(i / inSize), i % inSize];
        return values[(expert * inSize + column) * outSize + row * turns.length + t] as number;
      });
      const kept = bias ? [rows] : [rows, inSize];
      return [`${root}.${expert}.${turn}_proj.${bias ? "bias" : "weight"}`, { shape: kept, values: own }];
    }),
  ).flat();
}

/** Tokens, so that the file has a tokenizer that llama.cpp takes, too. */
function tokenizer(size: number): GgufEntry[] {
  const tokens = [
    "<unk>",
    "<s>",
    "</s>",
    "Ċ",
    "Ġ",
    "a",
    "b",
    "ab",
    ...Array.from({ length: size - 8 }, (_, i) => `t${i}`),
  ];
  return [
    ["tokenizer.ggml.model", "string", "gpt2"],
    ["tokenizer.ggml.pre", "string", "gpt-2"],
    ["tokenizer.ggml.tokens", "strings", tokens],
    ["tokenizer.ggml.token_type", "i32s", tokens.map((_, i) => (i < 3 ? 3 : 1))],
    ["tokenizer.ggml.merges", "strings", ["a b"]],
    ["tokenizer.ggml.bos_token_id", "u32", 1],
    ["tokenizer.ggml.eos_token_id", "u32", 2],
  ];
}

/**
 * Writes the model of a case twice below a folder: as a directory, and as the file that llama.cpp's converter makes of it.
 * @returns the paths of both
 */
export async function writeBoth(own: GgufCase, directory: string): Promise<{ directory: string; file: string }> {
  const json = { ...(await readJson<Json>(join(fixture(own.fixture), "config.json"))), ...own.config };
  const layers = own.layers ?? ((json.num_hidden_layers ?? json.n_layer ?? json.n_layers ?? json.num_layers) as number);
  const stored = await readTensors(fixture(own.fixture), "model.safetensors");
  const root = own.root ?? layerRoot;
  const { from = Array.from({ length: layers }, (_, i) => i) } = own;
  const kept = Object.entries(stored).flatMap(([path, tensor]) => {
    const [start = "", layer] = root.exec(path) ?? [];
    const place = layer === undefined ? 0 : from.indexOf(Number(layer));
    if (place < 0 || own.drop?.test(path)) return [];
    const renamed = layer === undefined ? path : `${start.replace(/\d+\.$/, `${place}.`)}${path.slice(start.length)}`;
    return [[renamed, tensor] as const];
  });
  const weights = kept.map(([path, { dtype, shape, data }]): [string, Floats] => [
    path,
    { shape, values: toFloat32(dtype as "float32", data as Float32Array) },
  ]);
  await writeFile(
    join(directory, "config.json"),
    JSON.stringify({ ...json, ...(own.layers !== undefined && { num_hidden_layers: layers }) }),
  );
  const floats = weights.map(([path, { shape, values }]): [string, HostTensor] => [
    path,
    { dtype: "float32", shape, data: fromFloat32("float32", values) } as HostTensor,
  ]);
  await writeFile(join(directory, "model.safetensors"), Buffer.concat(safetensorsChunks(Object.fromEntries(floats))));

  const given = [...(own.isBare ? [] : common(own.architecture, json, layers)), ...own.metadata];
  const metadata: GgufEntry[] = [
    ["general.architecture", "string", own.architecture],
    ...new Map(given.map((entry) => [entry[0], entry])).values(),
    ...(own.hasTokens
      ? tokenEntries(await readJson(join(fixture(own.fixture), "tokenizer.json")))
      : tokenizer(json.vocab_size as number)),
  ];
  const tensors = outputs(new Map(weights.flatMap(([path, tensor]) => apart(path, tensor))), own);
  const pieces: Uint8Array[] = [];
  for await (const piece of ggufPieces(metadata, tensors)) pieces.push(piece.slice());
  const file = `${directory}.gguf`;
  await writeFile(file, Buffer.concat(pieces));
  return { directory, file };
}
