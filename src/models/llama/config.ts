import { check } from "../../common/index.ts";
import { parseRotary, type RotaryConfig } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import type { DecoderConfig } from "../family.ts";

/** LLaMA's settings, and those in which its relatives differ from it: each family sets its own beside these. */
export interface LlamaConfig extends DecoderConfig {
  readonly padTokenId: number | undefined;
  readonly intermediateSize: number;
  readonly rmsNormEps: number;
  readonly hiddenAct: string;
  /** Biases of the projections of queries, keys and values, and of the one that follows attention. */
  readonly qkvBias: boolean;
  readonly outBias: boolean;
  readonly mlpBias: boolean;
  /** One tensor for queries, keys and values, and one for gate and up. */
  readonly fusedProjections: boolean;
  /** RMS norm of queries and keys: over each head, or over all heads together. */
  readonly queryKeyNorm: "none" | "head" | "all";
  /** What is added to the weight of every norm. */
  readonly normOffset: number;
  /** The norms before and after each half of a block. */
  readonly norms: { readonly attention: SublayerNorms; readonly feedForward: SublayerNorms };
  /** What token embeddings, and scores, are multiplied by. */
  readonly embeddingScale: number;
  readonly attentionScale: number;
  /** Scores, and logits, are kept within ± this. */
  readonly attentionSoftcap: number | undefined;
  /** The share of attention weights that training drops. */
  readonly attentionDropout: number;
  /** The share of what sublayers add that training drops. */
  readonly residualDropout: number;
  readonly logitSoftcap: number | undefined;
  readonly experts: ExpertsConfig | undefined;
  /** What differs from layer to layer. */
  readonly layers: readonly LlamaLayer[];
}

/** The names of the norms around a sublayer; undefined where there is none. */
export interface SublayerNorms {
  readonly before?: string;
  readonly after?: string;
}

export interface LlamaLayer {
  /** Undefined: this layer knows no positions. */
  readonly rotary: RotaryConfig | undefined;
  /** How many positions back a query sees; undefined: all. */
  readonly window: number | undefined;
  /** Whether its feed-forward is a mixture of experts. */
  readonly sparse: boolean;
}

export interface ExpertsConfig {
  readonly count: number;
  readonly perToken: number;
  readonly intermediateSize: number;
  /** Whether the shares of the chosen experts are made to sum to 1. */
  readonly normalized: boolean;
  /** What the loss counts that keeps experts evenly used; 0 unless the config asks for it. */
  readonly balance: number;
  /** What the checkpoint calls the parts. */
  readonly names: { readonly block: string; readonly gate: string; readonly up: string; readonly down: string };
}

/** transformers adds the loss where `output_router_logits` is set. */
export function balanceOf(read: ConfigReader): number {
  return read.boolean("output_router_logits", false) ? read.number("router_aux_loss_coef", 0.001) : 0;
}

export interface LlamaDefaults {
  readonly ropeTheta?: number;
  readonly rmsNormEps?: number;
  readonly headSize?: number;
  readonly numKeyValueHeads?: number;
  readonly tieWordEmbeddings?: boolean;
  readonly maxPositionEmbeddings?: number;
}

export function parseLlamaConfig(read: ConfigReader, defaults: LlamaDefaults = {}): LlamaConfig {
  const hiddenSize = read.size("hidden_size");
  const heads = read.size("num_attention_heads");
  const keyHeads = read.size("num_key_value_heads", defaults.numKeyValueHeads ?? heads);
  const explicit = read.json.head_dim ?? defaults.headSize;
  check(
    heads % keyHeads === 0,
    "config",
    () =>
      `attention: num_key_value_heads must divide num_attention_heads; got ${keyHeads} and ${heads}; check config.json`,
  );
  check(
    explicit !== undefined || hiddenSize % heads === 0,
    "config",
    () =>
      `attention: head size must divide hidden size; hidden_size ${hiddenSize}, num_attention_heads ${heads}; check config.json`,
  );
  const headSize = read.size("head_dim", defaults.headSize ?? hiddenSize / heads);
  const maxPositionEmbeddings = read.size("max_position_embeddings", defaults.maxPositionEmbeddings ?? 2048);
  const rotary = parseRotary(read.json, headSize, maxPositionEmbeddings, defaults.ropeTheta);
  const reach = rotary.scaling.type === "dynamic" ? rotary.scaling.factor : 1; // dynamic scaling reaches beyond
  const numHiddenLayers = read.size("num_hidden_layers");
  const attentionBias = read.boolean("attention_bias", false);
  return {
    vocabSize: read.size("vocab_size"),
    hiddenSize,
    numHiddenLayers,
    numAttentionHeads: heads,
    numKeyValueHeads: keyHeads,
    headSize,
    maxPositionEmbeddings: Math.floor(maxPositionEmbeddings * reach),
    tieWordEmbeddings: read.boolean("tie_word_embeddings", defaults.tieWordEmbeddings ?? false),
    padTokenId: read.tokenId("pad_token_id"),
    intermediateSize: read.size("intermediate_size"),
    rmsNormEps: read.number("rms_norm_eps", defaults.rmsNormEps ?? 1e-6),
    hiddenAct: read.string("hidden_act", "silu"),
    attentionDropout: read.number("attention_dropout", 0),
    residualDropout: 0,
    qkvBias: attentionBias,
    outBias: attentionBias,
    mlpBias: read.boolean("mlp_bias", false),
    fusedProjections: false,
    queryKeyNorm: "none",
    normOffset: 0,
    norms: { attention: { before: "input_layernorm" }, feedForward: { before: "post_attention_layernorm" } },
    embeddingScale: 1,
    attentionScale: headSize ** -0.5,
    attentionSoftcap: undefined,
    logitSoftcap: undefined,
    experts: undefined,
    layers: Array.from({ length: numHiddenLayers }, () => ({ rotary, window: undefined, sparse: false })),
  };
}

/** The config with each layer changed. */
export function withLayers(
  config: LlamaConfig,
  change: (layer: LlamaLayer, index: number) => Partial<LlamaLayer>,
): LlamaConfig {
  return { ...config, layers: config.layers.map((layer, i) => ({ ...layer, ...change(layer, i) })) };
}

/** Which layers see a window only: as `layer_types` says, else by the family's own rule. */
export function isSliding(read: ConfigReader, index: number, rule: (index: number) => boolean): boolean {
  const types = read.strings("layer_types");
  return types ? types[index] === "sliding_attention" : rule(index);
}
