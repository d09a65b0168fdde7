import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type GgufEntry,
  type GgufOutput,
  ggufPieces,
  pairsFromHalves,
  safetensorsChunks,
} from "../../src/formats/index.ts";
import { loadModel } from "../../src/inference/index.ts";
import { fromFloat32, type HostTensor, toFloat32 } from "../../src/tensor/index.ts";
import { fixture, maxDifference, readJson, readTensors } from "../helpers/fixtures.ts";

type Json = Readonly<Record<string, unknown>>;
type Floats = { readonly shape: readonly number[]; readonly values: Float32Array };

/** A fixture's model as llama.cpp's converter writes it: the names and metadata of the gguf package, and what it changes. */
interface Case {
  readonly fixture: string;
  /** What must differ in `config.json`, since GGUF has no key for it. */
  readonly config?: Json;
  /** The layers that are kept, where GGUF cannot say how the others differ. */
  readonly layers?: number;
  readonly architecture: string;
  readonly names: Readonly<Record<string, string>>;
  readonly metadata: readonly GgufEntry[];
  readonly change?: (name: string, tensor: Floats) => Floats;
}

const attention = {
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
};
const outer = { "model.embed_tokens": "token_embd", "model.norm": "output_norm", lm_head: "output" };
const squeezed = ({ shape, values }: Floats): Floats => ({ shape: shape.filter((size) => size > 1), values });

const cases: Readonly<Record<string, Case>> = {
  mamba: {
    fixture: "cases/mamba",
    architecture: "mamba",
    names: {
      "backbone.embeddings": "token_embd",
      "backbone.norm_f": "output_norm",
      norm: "attn_norm",
      "mixer.in_proj": "ssm_in",
      "mixer.conv1d": "ssm_conv1d",
      "mixer.x_proj": "ssm_x",
      "mixer.dt_proj": "ssm_dt",
      "mixer.A_log": "ssm_a",
      "mixer.D": "ssm_d",
      "mixer.out_proj": "ssm_out",
    },
    metadata: [
      ["mamba.context_length", "u32", 1 << 20],
      ["mamba.embedding_length", "u32", 32],
      ["mamba.feed_forward_length", "u32", 0],
      ["mamba.attention.head_count", "u32", 0],
      ["mamba.block_count", "u32", 2],
      ["mamba.ssm.conv_kernel", "u32", 3],
      ["mamba.ssm.inner_size", "u32", 64],
      ["mamba.ssm.state_size", "u32", 4],
      ["mamba.ssm.time_step_rank", "u32", 2],
      ["mamba.attention.layer_norm_rms_epsilon", "f32", 1e-5],
      ["mamba.ssm.dt_b_c_rms", "bool", false],
    ],
    change: (name, tensor) =>
      name.endsWith("ssm_a")
        ? { ...tensor, values: tensor.values.map((x) => -Math.exp(x)) }
        : name.includes("conv1d.weight")
          ? squeezed(tensor)
          : tensor,
  },
  lfm2: {
    fixture: "cases/lfm2",
    architecture: "lfm2",
    names: {
      "model.embed_tokens": "token_embd",
      "model.embedding_norm": "token_embd_norm",
      ...attention,
      operator_norm: "attn_norm",
      ffn_norm: "ffn_norm",
      "self_attn.out_proj": "attn_output",
      "self_attn.q_layernorm": "attn_q_norm",
      "self_attn.k_layernorm": "attn_k_norm",
      "feed_forward.w1": "ffn_gate",
      "feed_forward.w2": "ffn_down",
      "feed_forward.w3": "ffn_up",
      "conv.conv": "shortconv.conv",
      "conv.in_proj": "shortconv.in_proj",
      "conv.out_proj": "shortconv.out_proj",
    },
    metadata: [
      ["lfm2.context_length", "u32", 128],
      ["lfm2.embedding_length", "u32", 16],
      ["lfm2.block_count", "u32", 3],
      ["lfm2.feed_forward_length", "u32", 24],
      ["lfm2.attention.head_count", "u32", 2],
      ["lfm2.attention.head_count_kv", "i32s", [0, 1, 0]],
      ["lfm2.attention.layer_norm_rms_epsilon", "f32", 1e-4],
      ["lfm2.rope.freq_base", "f32", 500],
      ["lfm2.shortconv.l_cache", "u32", 3],
    ],
    change: (name, tensor) => (name.includes("shortconv.conv") ? squeezed(tensor) : tensor),
  },
  olmo2: {
    fixture: "models/olmo2",
    architecture: "olmo2",
    names: {
      ...outer,
      ...attention,
      "self_attn.q_norm": "attn_q_norm",
      "self_attn.k_norm": "attn_k_norm",
      post_attention_layernorm: "post_attention_norm",
      post_feedforward_layernorm: "post_ffw_norm",
      "mlp.gate_proj": "ffn_gate",
      "mlp.up_proj": "ffn_up",
      "mlp.down_proj": "ffn_down",
    },
    metadata: [["olmo2.rope.freq_base", "f32", 500000]],
  },
  granite: {
    fixture: "cases/granite",
    architecture: "granite",
    names: {
      ...outer,
      ...attention,
      input_layernorm: "attn_norm",
      post_attention_layernorm: "ffn_norm",
      "mlp.gate_proj": "ffn_gate",
      "mlp.up_proj": "ffn_up",
      "mlp.down_proj": "ffn_down",
    },
    metadata: [
      ["granite.attention.scale", "f32", 0.2],
      ["granite.embedding_scale", "f32", 3],
      ["granite.residual_scale", "f32", 0.7],
      ["granite.logit_scale", "f32", 2],
    ],
    change: (name, tensor) =>
      /attn_[qk]\./.test(name)
        ? { ...tensor, values: pairsFromHalves(tensor.values, tensor.shape[0] as number, 8) }
        : tensor,
  },
  starcoder2: {
    fixture: "cases/starcoder2",
    config: { sliding_window: null }, // which llama.cpp does not know for it
    architecture: "starcoder2",
    names: {
      ...outer,
      ...attention,
      input_layernorm: "attn_norm",
      post_attention_layernorm: "ffn_norm",
      "mlp.c_fc": "ffn_up",
      "mlp.c_proj": "ffn_down",
    },
    metadata: [["starcoder2.attention.layer_norm_epsilon", "f32", 1e-3]],
  },
  glm4moe: {
    fixture: "cases/glm4_moe",
    architecture: "glm4moe",
    names: {
      ...outer,
      ...attention,
      input_layernorm: "attn_norm",
      post_attention_layernorm: "post_attention_norm",
      "self_attn.q_norm": "attn_q_norm",
      "self_attn.k_norm": "attn_k_norm",
      "mlp.gate_proj": "ffn_gate",
      "mlp.up_proj": "ffn_up",
      "mlp.down_proj": "ffn_down",
      "mlp.gate": "ffn_gate_inp",
      "mlp.gate.e_score_correction_bias": "exp_probs_b.bias",
      "mlp.shared_experts.gate_proj": "ffn_gate_shexp",
      "mlp.shared_experts.up_proj": "ffn_up_shexp",
      "mlp.shared_experts.down_proj": "ffn_down_shexp",
    },
    metadata: [
      ["glm4moe.attention.key_length", "u32", 8],
      ["glm4moe.attention.value_length", "u32", 8],
      ["glm4moe.attention.layer_norm_rms_epsilon", "f32", 1e-5],
      ["glm4moe.rope.dimension_count", "u32", 4],
      ["glm4moe.expert_count", "u32", 4],
      ["glm4moe.expert_used_count", "u32", 2],
      ["glm4moe.expert_shared_count", "u32", 2],
      ["glm4moe.expert_feed_forward_length", "u32", 8],
      ["glm4moe.expert_gating_func", "u32", 2],
      ["glm4moe.expert_weights_scale", "f32", 1],
      ["glm4moe.expert_weights_norm", "bool", true],
      ["glm4moe.leading_dense_block_count", "u32", 1],
    ],
  },
  qwen2moe: {
    fixture: "cases/qwen2_moe",
    layers: 1,
    config: { use_sliding_window: false, mlp_only_layers: [] },
    architecture: "qwen2moe",
    names: {
      ...outer,
      ...attention,
      input_layernorm: "attn_norm",
      post_attention_layernorm: "ffn_norm",
      "mlp.gate": "ffn_gate_inp",
      "mlp.shared_expert_gate": "ffn_gate_inp_shexp",
      "mlp.shared_expert.gate_proj": "ffn_gate_shexp",
      "mlp.shared_expert.up_proj": "ffn_up_shexp",
      "mlp.shared_expert.down_proj": "ffn_down_shexp",
    },
    metadata: [
      ["qwen2moe.expert_count", "u32", 3],
      ["qwen2moe.expert_used_count", "u32", 2],
      ["qwen2moe.expert_feed_forward_length", "u32", 8],
      ["qwen2moe.expert_shared_feed_forward_length", "u32", 10],
    ],
    change: (name, tensor) => (name.includes("ffn_gate_inp_shexp") ? squeezed(tensor) : tensor),
  },
  "gpt-oss": {
    fixture: "cases/gpt_oss",
    config: { swiglu_limit: 7 }, // llama.cpp knows one value
    architecture: "gpt-oss",
    names: {
      ...outer,
      ...attention,
      input_layernorm: "attn_norm",
      post_attention_layernorm: "post_attention_norm",
      "self_attn.sinks": "attn_sinks.weight",
      "mlp.router": "ffn_gate_inp",
    },
    metadata: [
      ["gpt-oss.attention.key_length", "u32", 8],
      ["gpt-oss.attention.value_length", "u32", 8],
      ["gpt-oss.attention.sliding_window", "u32", 3],
      ["gpt-oss.attention.layer_norm_rms_epsilon", "f32", 1e-5],
      ["gpt-oss.rope.freq_base", "f32", 500],
      ["gpt-oss.rope.scaling.type", "string", "yarn"],
      ["gpt-oss.rope.scaling.factor", "f32", 4],
      ["gpt-oss.rope.scaling.original_context_length", "u32", 8],
      ["gpt-oss.expert_count", "u32", 4],
      ["gpt-oss.expert_used_count", "u32", 2],
      ["gpt-oss.expert_feed_forward_length", "u32", 20],
    ],
  },
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-"));
});
afterAll(() => rm(folder, { recursive: true }));

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
  const entries = keys.map(
    ([key, field, type]) => [`${architecture}.${key}`, type, (config[field] ?? defaults[field]) as number] as const,
  );
  return [[`${architecture}.block_count`, "u32", layers], ...entries];
}

/** `model.layers.0.mlp.gate.weight` → `blk.0.ffn_gate_inp.weight`; undefined for an expert's own tensor. */
function ggufNameOf(path: string, names: Case["names"]): string {
  const [, layer, part = "", ending = ""] = /^(?:\w+\.layers\.(\d+)\.)?(.+?)(\.weight|\.bias)?$/.exec(path) ?? [];
  return `${layer === undefined ? "" : `blk.${layer}.`}${names[part]}${ending}`;
}

const expertPart = /^(?:model\.layers\.(\d+)\.)mlp\.experts\.(\d+)\.(gate|up|down)_proj\.(weight|bias)$/;

/** The tensors as the file has them: those of all experts of a layer together. */
function outputs(weights: ReadonlyMap<string, Floats>, { names, change }: Case): GgufOutput[] {
  const found = new Map<string, Floats>();
  const experts = new Map<string, Floats[]>();
  for (const [path, tensor] of weights) {
    const [, layer, expert, part, ending] = expertPart.exec(path) ?? [];
    if (layer !== undefined) {
      const name = `blk.${layer}.ffn_${part}_exps.${ending}`;
      const list = experts.get(name) ?? [];
      list[Number(expert)] = tensor;
      experts.set(name, list);
      continue;
    }
    const name = ggufNameOf(path, names);
    found.set(name, change?.(name, tensor) ?? tensor);
  }
  for (const [name, list] of experts) {
    const values = Float32Array.from(list.flatMap((tensor) => Array.from(tensor.values)));
    found.set(name, { shape: [list.length, ...(list[0] as Floats).shape], values });
  }
  return [...found].map(([name, { shape, values }]) => ({
    name,
    shape,
    type: "F32",
    values: async function* () {
      yield values;
    },
  }));
}

/** gpt-oss's experts, whose checkpoint holds `[N, I, O]` with gate and up in turns, as `[N, O, I]` apart. */
function apart(path: string, { shape, values }: Floats): readonly (readonly [string, Floats])[] {
  const [, root, part, bias] = /^(.*\.experts)\.(gate_up|down)_proj(_bias)?$/.exec(path) ?? [];
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

/** Tokens of bytes, so that the file has a tokenizer. */
function tokenizer(size: number): GgufEntry[] {
  const tokens = ["<unk>", "<s>", "</s>", ...Array.from({ length: size - 3 }, (_, i) => String.fromCharCode(97 + i))];
  return [
    ["tokenizer.ggml.model", "string", "llama"],
    ["tokenizer.ggml.tokens", "strings", tokens],
    ["tokenizer.ggml.scores", "f32s", tokens.map((_, i) => -i)],
    ["tokenizer.ggml.token_type", "i32s", tokens.map((_, i) => (i === 0 ? 2 : i < 3 ? 3 : 1))],
  ];
}

test.each(Object.entries(cases))("%s as llama.cpp stores it gives what the directory gives", async (name, own) => {
  const json = { ...(await readJson<Json>(join(fixture(own.fixture), "config.json"))), ...own.config };
  const layers = own.layers ?? (json.num_hidden_layers as number);
  const stored = await readTensors(fixture(own.fixture), "model.safetensors");
  const weights = new Map(
    Object.entries(stored)
      .filter(([path]) => Number(/\.layers\.(\d+)\./.exec(path)?.[1] ?? 0) < layers)
      .map(([path, { dtype, shape, data }]) => [
        path,
        { shape, values: toFloat32(dtype as "float32", data as Float32Array) },
      ]),
  );
  const directory = await mkdtemp(join(folder, `${name}-`));
  await writeFile(join(directory, "config.json"), JSON.stringify({ ...json, num_hidden_layers: layers }));
  const floats = [...weights].map(([path, { shape, values }]): [string, HostTensor] => [
    path,
    { dtype: "float32", shape, data: fromFloat32("float32", values) } as HostTensor,
  ]);
  await writeFile(join(directory, "model.safetensors"), Buffer.concat(safetensorsChunks(Object.fromEntries(floats))));
  const given = new Map<string, GgufEntry>();
  const isPlain = !["mamba", "lfm2"].includes(name);
  for (const entry of [...(isPlain ? common(own.architecture, json, layers) : []), ...own.metadata])
    given.set(entry[0], entry);
  const metadata: GgufEntry[] = [
    ["general.architecture", "string", own.architecture],
    ...given.values(),
    ...tokenizer(json.vocab_size as number),
  ];
  const pieces: Uint8Array[] = [];
  for await (const piece of ggufPieces(
    metadata,
    outputs(new Map([...weights].flatMap(([path, tensor]) => apart(path, tensor))), own),
  ))
    pieces.push(piece.slice());
  const file = join(folder, `${name}.gguf`);
  await writeFile(file, Buffer.concat(pieces));

  const inputIds = [
    [7, 5, 20, 11, 9, 3, 30],
    [4, 8, 15, 16, 23, 33, 12],
  ];
  const [ofFile, ofDirectory] = await Promise.all(
    [file, directory].map((path) => loadModel(path, { precision: "float32" })),
  );
  const [got, wanted] = await Promise.all([ofFile, ofDirectory].map((model) => model?.forward({ inputIds })));
  expect(maxDifference(got?.logits as HostTensor, wanted?.logits as HostTensor)).toBeLessThan(1e-5);
  const options = { doSample: false, maxNewTokens: 8, eosTokenId: null };
  const first = await ofFile?.generate({ inputIds: [inputIds[0] as number[]] }, options);
  const second = await ofDirectory?.generate({ inputIds: [inputIds[0] as number[]] }, options);
  expect(first?.outputIds).toEqual(second?.outputIds);
  await Promise.all([ofFile?.dispose(), ofDirectory?.dispose()]);
});

test("gpt-oss with experts in MXFP4 gives the reference's logits, in the file's blocks and expanded", async () => {
  const { logits } = await readTensors(fixture("quantized/mxfp4"), "expected.safetensors");
  for (const precision of ["auto", "float32"] as const) {
    const model = await loadModel(fixture("gguf/gpt-oss-MXFP4.gguf"), { precision });
    const found = await model.forward({ inputIds: [[5, 9, 3, 20, 17, 4, 33, 60]] });
    const { shape, data } = found.logits as HostTensor;
    const whole = { dtype: "float32", shape: shape.slice(1), data } as HostTensor;
    expect(maxDifference(whole, logits as HostTensor)).toBeLessThan(precision === "auto" ? 0.1 : 1e-4);
    await model.dispose();
  }
});
