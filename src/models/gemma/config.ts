import { parseRotary } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { isSliding, type LlamaConfig, parseLlamaConfig, withLayers } from "../llama/config.ts";

/** Gemma is LLaMA with 1 + w for a norm's weight w, scaled embeddings, GELU and a tied head (Mesnard et al., 2024). */
export function parseGemmaConfig(read: ConfigReader): LlamaConfig {
  const base = parseLlamaConfig(read, { headSize: 256, tieWordEmbeddings: true, maxPositionEmbeddings: 8192 });
  const named = read.string("hidden_activation", read.string("hidden_act", "gelu_pytorch_tanh"));
  return {
    ...base,
    hiddenAct: named === "gelu" ? "gelu_pytorch_tanh" : named, // old files say gelu and mean its tanh form
    normOffset: 1,
    embeddingScale: Math.sqrt(base.hiddenSize),
  };
}

/** Gemma 2 norms before and after each sublayer, caps scores and logits, and gives every other layer a window. */
export function parseGemma2Config(read: ConfigReader): LlamaConfig {
  const window = read.size("sliding_window", 4096);
  return {
    ...withLayers(parseGemmaConfig(read), (_, i) => (isSliding(read, i, () => i % 2 === 0) ? { window } : {})),
    hiddenAct: read.string("hidden_activation", "gelu_pytorch_tanh"),
    norms: {
      attention: { before: "input_layernorm", after: "post_attention_layernorm" },
      feedForward: { before: "pre_feedforward_layernorm", after: "post_feedforward_layernorm" },
    },
    attentionScale: read.number("query_pre_attn_scalar", 256) ** -0.5,
    attentionSoftcap: softcapOf(read, "attn_logit_softcapping", 50),
    logitSoftcap: softcapOf(read, "final_logit_softcapping", 30),
  };
}

/** Gemma 3 norms each head's queries and keys instead of capping; layers with a window have their own rotary base. */
export function parseGemma3Config(read: ConfigReader): LlamaConfig {
  if (read.json.use_bidirectional_attention) read.refuse("use_bidirectional_attention", false);
  const base = parseGemma2Config(read);
  const every = read.size("sliding_window_pattern", read.size("_sliding_window_pattern", 6));
  const both = read.object("rope_parameters");
  const rotary = (kind: string, old: object, theta: number) =>
    parseRotary(
      { ...read.json, ...(both?.[kind] ? { rope_parameters: both[kind] } : old) },
      base.headSize,
      base.maxPositionEmbeddings,
      theta,
    );
  const whole = rotary("full_attention", {}, 1e6);
  const theta = read.number("rope_local_base_freq", 10000);
  const local = rotary("sliding_attention", { rope_scaling: null, rope_theta: theta }, theta);
  const window = read.size("sliding_window", 4096);
  return {
    ...withLayers(base, (_, i) =>
      isSliding(read, i, () => (i + 1) % every !== 0)
        ? { window, rotary: local }
        : { window: undefined, rotary: whole },
    ),
    queryKeyNorm: "head",
    attentionSoftcap: softcapOf(read, "attn_logit_softcapping"),
    logitSoftcap: softcapOf(read, "final_logit_softcapping"),
  };
}

/** `null` switches a cap off. */
function softcapOf(read: ConfigReader, key: string, fallback?: number): number | undefined {
  const value = read.json[key] === undefined ? fallback : read.json[key];
  return value === null || value === undefined ? undefined : read.number(key, fallback);
}
