import type { ConfigReader } from "../config-reader.ts";
import { type LlamaConfig, parseRelative, slidingLayers, windowOf, withLayers, withWindow } from "../llama/config.ts";
import { layerRotary } from "./rotary.ts";

/** transformers' values of fields that a file leaves out. */
const defaults = {
  vocab_size: 256000,
  hidden_size: 3072,
  intermediate_size: 24576,
  num_hidden_layers: 28,
  num_attention_heads: 16,
  num_key_value_heads: 16,
  head_dim: 256,
  max_position_embeddings: 8192,
  tie_word_embeddings: true,
  pad_token_id: 0,
};

const gemma2Defaults = {
  ...defaults,
  hidden_size: 2304,
  intermediate_size: 9216,
  num_hidden_layers: 26,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  sliding_window: 4096,
  attn_logit_softcapping: 50,
  final_logit_softcapping: 30,
};

/** The settings of all Gemmas: norms of weight 1 + w, scaled embeddings, and the direction of attention. */
function parseAnyGemma(read: ConfigReader, rotary?: Parameters<typeof parseRelative>[1]["rotary"]): LlamaConfig {
  const base = parseRelative(read, { defaults: {}, ...(rotary && { rotary }) });
  return { ...base, normOffset: 1, embeddingScale: Math.sqrt(base.hiddenSize) };
}

/** Gemma is LLaMA with 1 + w for a norm's weight w, scaled embeddings, GELU and a tied head (Mesnard et al., 2024). */
export function parseGemmaConfig(file: ConfigReader): LlamaConfig {
  file.refuse("use_bidirectional_attention", false);
  const read = file.withDefaults(defaults);
  const named = read.string("hidden_act", "gelu_pytorch_tanh");
  const hiddenAct = named === "gelu" ? "gelu_pytorch_tanh" : named; // old files say gelu and mean its tanh form
  return { ...parseAnyGemma(read), hiddenAct };
}

/** The settings of Gemma 2 and 3: norms before and after each sublayer, and a scale of scores of their own. */
function parseYoungerGemma(read: ConfigReader, rotary?: Parameters<typeof parseAnyGemma>[1]): LlamaConfig {
  return {
    ...parseAnyGemma(read, rotary),
    hiddenAct: read.string("hidden_activation", "gelu_pytorch_tanh"),
    norms: {
      attention: { preNorm: "input_layernorm", postNorm: "post_attention_layernorm" },
      feedForward: { preNorm: "pre_feedforward_layernorm", postNorm: "post_feedforward_layernorm" },
    },
    attentionScale: read.number("query_pre_attn_scalar", 256) ** -0.5,
    logitSoftcap: softcapOf(read, "final_logit_softcapping"),
  };
}

/** Gemma 2 norms before and after each sublayer, caps scores and logits, and gives every other layer a window. */
export function parseGemma2Config(file: ConfigReader): LlamaConfig {
  file.refuse("use_bidirectional_attention", false);
  const read = file.withDefaults(gemma2Defaults);
  const base = parseYoungerGemma(read);
  const sliding = slidingLayers(read, base.numHiddenLayers, (i) => i % 2 === 0);
  return {
    ...withWindow(base, sliding, windowOf(read)),
    attentionSoftcap: softcapOf(read, "attn_logit_softcapping"),
  };
}

/** Gemma 3 norms each head's queries and keys instead of capping; layers with a window have their own rotary base. */
export function parseGemma3Config(file: ConfigReader): LlamaConfig {
  const read = file.withDefaults({
    ...gemma2Defaults,
    vocab_size: 262208,
    max_position_embeddings: 131072,
    final_logit_softcapping: null,
  });
  const rotary = layerRotary(read, {
    whole: read.number("rope_theta", 1e6),
    local: read.number("rope_local_base_freq", 10000),
  });
  const base = parseYoungerGemma(read, rotary.whole);
  const local = rotary.local(base.headSize, read.size("max_position_embeddings"));
  const every = read.size("sliding_window_pattern", 6);
  const sliding = slidingLayers(read, base.numHiddenLayers, (i) => (i + 1) % every !== 0);
  return {
    ...withLayers(withWindow(base, sliding, windowOf(read)), (_, i) => (sliding[i] ? { rotary: local } : {})),
    queryKeyNorm: "head",
  };
}

/** `null` switches a cap off. */
function softcapOf(read: ConfigReader, key: string): number | undefined {
  return (read.json[key] ?? undefined) === undefined ? undefined : read.number(key);
}

/** EmbeddingGemma is Gemma 3 whose tokens see each other in both directions, half a window to either side (Vera et al., 2025). */
export function parseEmbeddingGemmaConfig(file: ConfigReader): LlamaConfig {
  const config = parseGemma3Config(file);
  return withLayers(config, ({ window }) => ({ window: window === undefined ? undefined : Math.floor(window / 2) }));
}
