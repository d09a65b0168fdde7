import { didYouMean, LecternError, ownEntry } from "../../common/index.ts";
import { type GgufArchitecture, headNorms, manyExperts, plain, wrapped } from "./architecture.ts";
import { decoders } from "./decoders.ts";
import { encoderArchitectures } from "./encoders.ts";
import { gptDecoders } from "./gpt-decoders.ts";
import type { GgufHeader } from "./header.ts";
import { GgufMetadata } from "./metadata.ts";
import { mixedDecoders } from "./mixed-decoders.ts";

/** Every architecture that is read, by its name in GGUF. */
export const architectures: Readonly<Record<string, GgufArchitecture>> = {
  llama: {
    modelType: { dense: "llama", experts: "mixtral" },
    writes: ["mistral"],
    pairs: true,
    normOffset: 0,
    layer: {
      ...plain,
      ffn_gate_inp: "block_sparse_moe.gate",
      ffn_gate_exps: "block_sparse_moe.experts.{}.w1",
      ffn_up_exps: "block_sparse_moe.experts.{}.w3",
      ffn_down_exps: "block_sparse_moe.experts.{}.w2",
    },
    settings: { expert_count: "num_local_experts", expert_used_count: "num_experts_per_tok" },
    constants: { sliding_window: null },
  },
  qwen2: { modelType: { dense: "qwen2" }, pairs: false, normOffset: 0, layer: plain, settings: {} },
  qwen3: {
    modelType: { dense: "qwen3" },
    pairs: false,
    normOffset: 0,
    layer: { ...plain, ...headNorms },
    settings: {},
  },
  qwen3moe: {
    modelType: { dense: "qwen3_moe", experts: "qwen3_moe" },
    pairs: false,
    normOffset: 0,
    layer: {
      ...plain,
      ...headNorms,
      ...manyExperts,
    },
    settings: {
      expert_count: "num_experts",
      expert_used_count: "num_experts_per_tok",
      expert_feed_forward_length: "moe_intermediate_size",
    },
    constants: { norm_topk_prob: true },
  },
  gemma: { modelType: { dense: "gemma" }, pairs: false, normOffset: 1, layer: plain, settings: {} },
  gemma2: {
    modelType: { dense: "gemma2" },
    pairs: false,
    normOffset: 1,
    layer: wrapped,
    settings: {
      "attention.sliding_window": "sliding_window",
      attn_logit_softcapping: "attn_logit_softcapping",
      final_logit_softcapping: "final_logit_softcapping",
    },
    wideScoresAt: 46,
  },
  gemma3: {
    modelType: { dense: "gemma3_text" },
    pairs: false,
    normOffset: 1,
    layer: { ...wrapped, ...headNorms },
    settings: {
      "attention.sliding_window": "sliding_window",
      "rope.freq_base_swa": "rope_local_base_freq",
      final_logit_softcapping: "final_logit_softcapping",
    },
    wideScoresAt: 62,
  },
  phi3: {
    modelType: { dense: "phi3" },
    pairs: false,
    normOffset: 0,
    layer: {
      ...plain,
      attn_qkv: "self_attn.qkv_proj",
      ffn_up: "mlp.gate_up_proj",
    },
    settings: { "attention.sliding_window": "sliding_window" },
    partial: "partial_rotary_factor",
  },
  ...decoders,
  ...gptDecoders,
  ...mixedDecoders,
  ...encoderArchitectures,
};

/** The architecture of a file, with what differs in it; an unknown one names the known. */
export function architectureOf(file: string, { tensors, metadata }: GgufHeader): GgufArchitecture {
  const name = new GgufMetadata(file, metadata).string("general.architecture");
  const found = ownEntry(architectures, name);
  if (!found) {
    const known = Object.keys(architectures);
    throw new LecternError(
      "unsupported",
      `${file}: general.architecture ${JSON.stringify(name)} is not read; read are ${known.join(", ")}${didYouMean(name, known)}`,
    );
  }
  const variants = (found.variants ?? []).filter(
    ({ setting, tensor, withoutTensor }) =>
      (setting === undefined || metadata.has(`${name}.${setting}`)) &&
      (tensor === undefined || tensors.has(tensor)) &&
      (withoutTensor === undefined || !tensors.has(withoutTensor)),
  );
  return Object.assign({ ...found }, ...variants.map(({ change }) => change)) as GgufArchitecture;
}

/** The GGUF form of a `model_type`. */
export function architectureFor(modelType: string): { readonly name: string; readonly architecture: GgufArchitecture } {
  const written = Object.entries(architectures).filter(([, { readOnly }]) => !readOnly);
  for (const [name, architecture] of written) {
    const { modelType: own, writes = [] } = architecture;
    if ([own.dense, own.experts, ...writes].includes(modelType)) return { name, architecture };
  }
  const known = written.flatMap(([, { modelType: own, writes = [] }]) => [own.dense, ...writes]);
  throw new LecternError(
    "unsupported",
    `export: a ${modelType} cannot be written as GGUF; written are ${[...known, "mixtral"].join(", ")}`,
  );
}
