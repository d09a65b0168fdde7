import { check, isObject, shown } from "../../common/index.ts";
import { readRotary } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { parseSharing, type SharingConfig, type SharingLayer, sourcesOf } from "../gemma3n/config.ts";
import { slidingLayers } from "../llama/config.ts";

export interface Gemma4Config extends SharingConfig {
  /** Experts beside the feed-forward of every layer. */
  readonly experts:
    | { readonly count: number; readonly perToken: number; readonly intermediateSize: number }
    | undefined;
}

type Json = Readonly<Record<string, unknown>>;

/** The rotary settings of a file that has none, by the kind of layer. */
const rotaryDefaults: Json = {
  sliding_attention: { rope_type: "default", rope_theta: 10000 },
  full_attention: { rope_type: "proportional", partial_rotary_factor: 0.25, rope_theta: 1e6 },
};

/** The heads of each layer: layers that see all tokens have others, under `global_…` or in `per_layer_config`. */
function headsOf(read: ConfigReader, sliding: readonly boolean[]): { headSize: number; keyHeads: number }[] {
  const usual = { headSize: read.size("head_dim"), keyHeads: read.size("num_key_value_heads") };
  const given = read.object("per_layer_config");
  const sameKeys = read.boolean("attention_k_eq_v", false);
  return sliding.map((isSliding, i) => {
    if (given) {
      const own = given[i] ?? {};
      check(isObject(own), "config", () => `config.json: per_layer_config.${i} must be an object; got ${shown(own)}`);
      const layer = read.withValues(own);
      return { headSize: layer.size("head_dim"), keyHeads: layer.size("num_key_value_heads") };
    }
    if (isSliding) return usual;
    const keyHeads = sameKeys ? read.size("num_global_key_value_heads", usual.keyHeads) : usual.keyHeads;
    return { headSize: read.size("global_head_dim", 512), keyHeads };
  });
}

/**
 * Gemma 4 is Gemma 3n without its streams: a scale for each layer in their place, other heads in layers that see all tokens,
 * and perhaps experts beside each feed-forward (Google, 2026).
 */
export function parseGemma4Config(file: ConfigReader): Gemma4Config {
  if (file.json.use_bidirectional_attention === "all") file.refuse("use_bidirectional_attention", null);
  const read = file.withDefaults({
    vocab_size: 262144,
    hidden_size: 2304,
    num_hidden_layers: 30,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 256,
    max_position_embeddings: 131072,
  });
  const count = read.size("num_hidden_layers");
  const sliding = slidingLayers(read, count, (i) => (i + 1) % 6 !== 0).with(-1, false);
  const sources = sourcesOf(read, sliding, 0);
  const heads = headsOf(read, sliding);
  const maxPositions = read.size("max_position_embeddings");
  const rotary = read.object("rope_parameters") ?? rotaryDefaults;
  const size = read.size("intermediate_size", 9216);
  const isWide = read.boolean("use_double_wide_mlp", false);
  const layers = sliding.map((isSliding, i): SharingLayer => {
    const kind = isSliding ? "sliding_attention" : "full_attention";
    const raw = rotary[kind];
    check(isObject(raw), "config", () => `config.json: rope_parameters.${kind} must be an object; got ${shown(raw)}`);
    const own = heads[i] as { headSize: number; keyHeads: number };
    return {
      ...own,
      rotary: readRotary(raw, { headSize: own.headSize, maxPositions, theta: 10000 }),
      window: isSliding ? read.size("sliding_window", 512) : undefined,
      source: sources[i],
      intermediateSize: isWide && sources[i] !== undefined ? 2 * size : size,
      cutoff: undefined,
      keysAreValues: !isSliding && read.boolean("attention_k_eq_v", false),
    };
  });
  const experts = read.boolean("enable_moe_block", false)
    ? {
        count: read.size("num_experts"),
        perToken: read.size("top_k_experts"),
        intermediateSize: read.size("moe_intermediate_size"),
      }
    : undefined;
  return { ...parseSharing(read, layers), experts };
}
