import { check, LecternError } from "../../common/index.ts";
import { commonSettings, type GgufArchitecture, type GgufSizes } from "./architecture.ts";
import type { GgufHeader } from "./header.ts";
import type { GgufMetadata } from "./metadata.ts";
import { ownSettings } from "./own-settings.ts";

/** The input of the translation of settings. */
export interface GgufSource {
  readonly file: string;
  /** The architecture's name, which every setting's key begins with. */
  readonly name: string;
  readonly architecture: GgufArchitecture;
  readonly header: GgufHeader;
  readonly metadata: GgufMetadata;
  /** Reads a small float tensor. */
  readonly read: (tensor: string) => Promise<readonly number[]>;
}

/** The layers of a model without those that predict further tokens, and the sizes of its attention. */
export function sizesOf({ file, name, architecture, metadata }: GgufSource): { layers: number; sizes: GgufSizes } {
  const key = (setting: string): string => `${name}.${setting}`;
  const heads = metadata.number(key("attention.head_count"));
  const hiddenSize = metadata.number(key("embedding_length"));
  const plainSize = metadata.number(key("attention.key_length"), heads === 0 ? 0 : hiddenSize / heads);
  const headSize = metadata.number(key("attention.key_length_mla"), plainSize);
  const valueSize = metadata.number(key("attention.value_length"), headSize);
  check(
    valueSize === headSize || architecture.isLatent,
    "unsupported",
    () => `${file}: heads of keys (${headSize}) and values (${valueSize}) differ in size, which is not read`,
  );
  const layers = metadata.number(key("block_count")) - metadata.number(key("nextn_predict_layers"), 0);
  const keyHeads = metadata.largest(key("attention.head_count_kv"), heads);
  return { layers, sizes: { heads, keyHeads, headSize } };
}

/** The `config.json` that says the same as a file's metadata. */
export async function configOf(source: GgufSource): Promise<Record<string, unknown>> {
  const { file, name, architecture, header, metadata } = source;
  const { layers, sizes } = sizesOf(source);
  const hiddenSize = metadata.number(`${name}.embedding_length`);
  const embedding = header.tensors.get("token_embd.weight");
  if (!embedding) throw new LecternError("file", `${file} lacks the tensor token_embd.weight`);
  check(
    layers <= header.tensors.size,
    "file",
    () => `${file}: ${name}.block_count says ${layers} layers, but there are ${header.tensors.size} tensors: damaged`,
  );
  const modelType = modelTypeOf(source);
  const wide = architecture.wideScoresAt === layers;
  const { heads, headSize } = sizes;
  const hasBias = (part: string): boolean => header.tensors.has(`blk.0.${part}.bias`);
  return {
    architectures: [architecture.className ?? className(modelType)],
    model_type: modelType,
    vocab_size: embedding.shape[0],
    head_dim: headSize,
    tie_word_embeddings: !header.tensors.has("output.weight"),
    attention_bias: hasBias("attn_q") || hasBias("attn_qkv"),
    mlp_bias: hasBias("ffn_up"),
    ...architecture.constants,
    ...(architecture.wideScoresAt !== undefined && { query_pre_attn_scalar: wide ? hiddenSize / heads : headSize }),
    ...settingsOf(source, heads),
    num_hidden_layers: layers,
    ...(await rotaryOf(source, architecture.isLatent ? metadata.number(`${name}.rope.dimension_count`) : headSize)),
    ...ownSettings[name]?.({ name, layers, hiddenSize, sizes, header, metadata }),
    ...tokenIds(metadata),
  };
}

/** `model_type` by the number of experts, which the router must have, too. */
function modelTypeOf({ file, name, architecture, header, metadata }: GgufSource): string {
  const experts = metadata.number(`${name}.expert_count`, 0);
  const { dense, experts: mixed } = architecture.modelType;
  const router = [...header.tensors].find(([path]) => path.endsWith(".ffn_gate_inp.weight"));
  const routed = router?.[1].shape[0] ?? 0;
  check(
    routed === experts,
    "file",
    () => `${file}: ${name}.expert_count says ${experts}, the router has ${routed}: damaged`,
  );
  check(experts === 0 || mixed, "unsupported", () => `${file}: ${name} with experts is not read`);
  return experts > 0 && mixed !== undefined ? mixed : dense;
}

/** `gemma3_text` → `Gemma3ForCausalLM` */
function className(modelType: string): string {
  const parts = modelType.split("_").filter((part) => part !== "text");
  return `${parts.map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join("")}ForCausalLM`;
}

function settingsOf({ name, architecture, metadata }: GgufSource, heads: number): Record<string, unknown> {
  const defaults: Readonly<Record<string, number | undefined>> = {
    "rope.freq_base": 10000,
    "attention.head_count_kv": heads,
    "attention.layer_norm_rms_epsilon": metadata.optional(`${name}.attention.layer_norm_epsilon`),
  };
  const hasExperts = metadata.number(`${name}.expert_count`, 0) > 0;
  const settings = Object.entries(commonSettings).flatMap(([key, field]) => {
    // A mixture in every layer leaves no layer with a feed-forward of its own.
    const isAbsent = key === "feed_forward_length" && hasExperts && !metadata.has(`${name}.${key}`);
    return isAbsent ? [] : [[field, metadata.largest(`${name}.${key}`, defaults[key])] as const];
  });
  const own = Object.entries(architecture.settings).flatMap(([key, field]) => {
    const value = metadata.optional(`${name}.${key}`);
    return value === undefined ? [] : [[field, value] as const];
  });
  return { ...Object.fromEntries([...settings, ...own]), ...windowsOf(name, metadata) };
}

/** The layers that have a window: one after so many that has none, or one by one. */
function windowsOf(name: string, metadata: GgufMetadata): Record<string, unknown> {
  const key = `${name}.attention.sliding_window_pattern`;
  if (!metadata.has(key)) return {};
  if (!metadata.isList(key)) return { sliding_window_pattern: metadata.number(key) };
  return { layer_types: metadata.flags(key).map((slides) => (slides ? "sliding_attention" : "full_attention")) };
}

/** The scaling of rotary positions; divisors of frequencies, where tensors give them, take precedence. */
async function rotaryOf(source: GgufSource, headSize: number): Promise<object> {
  const { file, name, architecture, header, metadata, read } = source;
  if (architecture.isProportional) return proportionalRotary(source, headSize);
  const key = (setting: string): string => `${name}.rope.${setting}`;
  const turned = metadata.number(key("dimension_count"), headSize);
  const least = architecture.partial === undefined ? headSize : 2;
  check(
    turned === headSize || (turned >= least && turned < headSize && turned % 2 === 0),
    "unsupported",
    () => `${file}: ${name}.rope.dimension_count ${turned} of a head of ${headSize} is not read`,
  );
  const part = architecture.partial === undefined ? {} : { [architecture.partial]: turned / headSize };
  const factor = metadata.number(key("scaling.factor"), metadata.number(key("scale_linear"), 1));
  const original = metadata.optional(key("scaling.original_context_length"));
  const reach = original === undefined ? {} : { original_max_position_embeddings: original };
  if (header.tensors.has("rope_freqs.weight")) {
    const divisors = await read("rope_freqs.weight");
    const lists = { short_factor: divisors, long_factor: divisors };
    return { ...part, rope_scaling: { rope_type: "longrope", attention_factor: 1, ...lists } };
  }
  if (header.tensors.has("rope_factors_long.weight")) {
    const [short_factor, long_factor] = [
      await read("rope_factors_short.weight"),
      await read("rope_factors_long.weight"),
    ];
    const attention = metadata.optional(key("scaling.attn_factor"));
    const given = attention === undefined ? {} : { attention_factor: attention };
    return {
      ...part,
      ...reach,
      rope_scaling: { rope_type: "longrope", ...reach, ...given, short_factor, long_factor },
    };
  }
  const type = metadata.string(key("scaling.type"), factor === 1 ? "none" : "linear");
  if (type === "none" || factor === 1) return { ...part, rope_scaling: null };
  if (type === "linear") return { ...part, rope_scaling: { rope_type: "linear", factor } };
  if (type === "yarn") {
    const whole = architecture.modelType.dense === "gpt_oss" ? { truncate: false } : {}; // as its config.json
    return {
      ...part,
      rope_scaling: { rope_type: "yarn", factor, ...reach, ...whole, ...yarnOf(metadata, key, factor) },
    };
  }
  throw new LecternError("unsupported", `${file}: rope scaling ${type} is not read; read are none, linear, yarn`);
}

/** The positions of layers that see all tokens, which turn the pairs whose divisor is 1, and of those with a window. */
async function proportionalRotary({ name, header, metadata, read }: GgufSource, headSize: number): Promise<object> {
  const divisors = header.tensors.has("rope_freqs.weight") ? await read("rope_freqs.weight") : [];
  const still = divisors.filter((divisor) => divisor !== 1).length;
  const narrow = metadata.number(`${name}.attention.key_length_swa`, headSize);
  const turned = metadata.number(`${name}.rope.dimension_count_swa`, narrow);
  return {
    rope_parameters: {
      full_attention: {
        rope_type: "proportional",
        rope_theta: metadata.number(`${name}.rope.freq_base`, 1e6),
        partial_rotary_factor: 1 - (2 * still) / headSize,
      },
      sliding_attention: {
        rope_type: "default",
        rope_theta: metadata.number(`${name}.rope.freq_base_swa`, 10000),
        ...(turned !== narrow && { partial_rotary_factor: turned / narrow }),
      },
    },
  };
}

/** Bounds of yarn's ramp, and what it multiplies attention by, where the file says other than usual. */
function yarnOf(metadata: GgufMetadata, key: (setting: string) => string, factor: number): Record<string, number> {
  const [fast, slow] = [
    metadata.optional(key("scaling.yarn_beta_fast")),
    metadata.optional(key("scaling.yarn_beta_slow")),
  ];
  const attention = metadata.number(key("scaling.attn_factor"), 1);
  const grown = Number((10 * metadata.number(key("scaling.yarn_log_multiplier"), 0)).toPrecision(6));
  return {
    ...(grown !== 0 && { mscale: grown, mscale_all_dim: grown }), // DeepSeek's
    ...(fast !== undefined && { beta_fast: fast }),
    ...(slow !== undefined && { beta_slow: slow }),
    ...(attention !== 1 && { attention_factor: attention * (0.1 * Math.log(factor) + 1) }),
  };
}

const idKeys = { bos_token_id: "bos_token_id", eos_token_id: "eos_token_id", pad_token_id: "padding_token_id" };

function tokenIds(metadata: GgufMetadata): Record<string, number> {
  const found = Object.entries(idKeys).flatMap(([field, key]) => {
    const id = metadata.optional(`tokenizer.ggml.${key}`);
    return id === undefined ? [] : [[field, id] as const];
  });
  return Object.fromEntries(found);
}
