import { check, normalQuantile } from "../../common/index.ts";
import type { RotaryConfig } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { parseDecoderHead } from "../decoder-head.ts";
import type { DecoderConfig } from "../family.ts";
import { layerRotary } from "../gemma/rotary.ts";
import { slidingLayers } from "../llama/config.ts";

/** The settings of a Gemma with embeddings for each layer, whose last layers have no keys and values of their own. */
export interface SharingConfig extends DecoderConfig {
  readonly paddingRow: number | undefined;
  readonly rmsNormEps: number;
  readonly hiddenAct: string;
  readonly attentionBias: boolean;
  readonly attentionDropout: number;
  readonly logitSoftcap: number | undefined;
  /** The table of embeddings for each layer: its rows, and the width of a layer's; undefined where there is none. */
  readonly perLayer: { readonly vocabSize: number; readonly size: number } | undefined;
  readonly layers: readonly SharingLayer[];
}

export interface SharingLayer {
  readonly headSize: number;
  readonly keyHeads: number;
  readonly rotary: RotaryConfig;
  readonly window: number | undefined;
  /** The layer whose keys and values it reads in place of its own. */
  readonly source: number | undefined;
  readonly intermediateSize: number;
  /** So many deviations above the mean a gate must be to count; undefined: all count. */
  readonly cutoff: number | undefined;
  /** True if values are made of what keys are made of. */
  readonly keysAreValues: boolean;
}

export interface Gemma3nConfig extends SharingConfig {
  /** The number of streams of states that layers keep beside each other, and the one that they compute. */
  readonly streams: number;
  readonly active: number;
  readonly scalesActive: boolean;
  /** The width of the low-rank path beside attention. */
  readonly laurelRank: number;
}

/** For each layer, the last one of its kind that has keys and values of its own, where it has none itself. */
export function sourcesOf(read: ConfigReader, sliding: readonly boolean[], fallback: number): (number | undefined)[] {
  const shared = read.count("num_kv_shared_layers", fallback);
  const first = sliding.length - shared;
  return sliding.map((kind, i) => {
    if (i < first) return undefined;
    const source = sliding.slice(0, Math.max(0, first)).lastIndexOf(kind);
    check(
      source >= 0,
      "config",
      () =>
        `config.json: num_kv_shared_layers ${shared} leaves no layer before with the keys and values that layer ${i} shares`,
    );
    return source;
  });
}

/** The settings that Gemma 3n and Gemma 4 read alike. */
export function parseSharing(read: ConfigReader, layers: readonly SharingLayer[]): SharingConfig {
  const heads = read.size("num_attention_heads");
  for (const { keyHeads } of layers)
    check(
      heads % keyHeads === 0,
      "config",
      () =>
        `attention: num_key_value_heads must divide num_attention_heads; got ${keyHeads} and ${heads}; check config.json`,
    );
  const size = read.count("hidden_size_per_layer_input", 256);
  return {
    vocabSize: read.size("vocab_size"),
    hiddenSize: read.size("hidden_size"),
    numHiddenLayers: layers.length,
    numAttentionHeads: heads,
    numKeyValueHeads: Math.max(...layers.map(({ keyHeads }) => keyHeads)),
    headSize: Math.max(...layers.map(({ headSize }) => headSize)),
    maxPositionEmbeddings: read.size("max_position_embeddings"),
    tieWordEmbeddings: read.boolean("tie_word_embeddings", true),
    head: parseDecoderHead(read),
    padTokenId: read.tokenId("pad_token_id", 0),
    paddingRow: read.tokenId("pad_token_id", 0),
    rmsNormEps: read.number("rms_norm_eps", 1e-6),
    hiddenAct: read.string("hidden_activation", "gelu_pytorch_tanh"),
    attentionBias: read.boolean("attention_bias", false),
    attentionDropout: read.number("attention_dropout", 0),
    logitSoftcap:
      (read.json.final_logit_softcapping ?? undefined) === undefined
        ? undefined
        : read.number("final_logit_softcapping"),
    perLayer: size === 0 ? undefined : { vocabSize: read.size("vocab_size_per_layer_input", 262144), size },
    layers,
  };
}

/** A number for each layer, of a list or one for all. */
function forEachLayer(read: ConfigReader, key: string, count: number, fallback: readonly number[]): readonly number[] {
  const value = read.json[key] ?? undefined;
  if (typeof value === "number") return Array.from({ length: count }, () => read.number(key));
  const values = read.numbers(key) ?? fallback;
  check(
    values.length === count,
    "config",
    () => `config.json: ${key} must have a number for each of the ${count} layers; got ${values.length}`,
  );
  return values;
}

/** Gemma 3n is Gemma 3 with several streams of states, embeddings for each layer, and last layers that share keys and values. */
export function parseGemma3nConfig(file: ConfigReader): Gemma3nConfig {
  const read = file.withDefaults({
    vocab_size: 262400,
    hidden_size: 2048,
    num_hidden_layers: 35,
    num_attention_heads: 8,
    num_key_value_heads: 2,
    head_dim: 256,
    max_position_embeddings: 32768,
    sliding_window: 512,
    final_logit_softcapping: 30,
  });
  const count = read.size("num_hidden_layers");
  const sliding = slidingLayers(read, count, (i) => (i + 1) % 5 !== 0);
  const sources = sourcesOf(read, sliding, 15);
  const rotary = layerRotary(read, {
    whole: read.number("rope_theta", 1e6),
    local: read.number("rope_local_base_freq", 10000),
  });
  const headSize = read.size("head_dim");
  const reach = read.size("max_position_embeddings");
  const [whole, local] = [rotary.whole(headSize, reach), rotary.local(headSize, reach)];
  const sizes = forEachLayer(
    read,
    "intermediate_size",
    count,
    Array.from({ length: count }, () => 16384),
  );
  const usual = sliding.map((_, i) => (count > 10 && i < 10 ? 0.95 : 0));
  const sparsity = forEachLayer(read, "activation_sparsity_pattern", count, usual);
  const layers = sliding.map((isSliding, i): SharingLayer => {
    const share = sparsity[i] as number;
    return {
      headSize,
      keyHeads: read.size("num_key_value_heads"),
      rotary: isSliding ? local : whole,
      window: isSliding ? read.size("sliding_window") : undefined,
      source: sources[i],
      intermediateSize: sizes[i] as number,
      cutoff: share > 0 ? normalQuantile(share) : undefined,
      keysAreValues: false,
    };
  });
  const streams = read.size("altup_num_inputs", 4);
  const active = read.count("altup_active_idx", 0);
  check(
    active < streams,
    "config",
    () => `config.json: altup_active_idx must be below altup_num_inputs ${streams}; got ${active}`,
  );
  return {
    ...parseSharing(read, layers),
    streams,
    active,
    scalesActive: read.boolean("altup_correct_scale", true),
    laurelRank: read.size("laurel_rank", 64),
  };
}
