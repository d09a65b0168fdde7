import { check } from "../../common/index.ts";
import { parseRotary, type RotaryConfig } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { parseDecoderHead } from "../decoder-head.ts";
import type { DecoderConfig } from "../family.ts";
import type { GatedConvolutionConfig } from "../lfm2/convolution.ts";
import type { DeltaNetConfig } from "../qwen3-next/delta-net.ts";

/** LLaMA's settings, and those in which its relatives differ from it: each family sets its own beside these. */
export interface LlamaConfig extends DecoderConfig {
  /** The row of the embeddings that training leaves as it is. */
  readonly paddingRow: number | undefined;
  readonly intermediateSize: number;
  readonly rmsNormEps: number;
  readonly hiddenAct: string;
  /** True if a layer that gives each token its classes has a bias. */
  readonly classifierBias: boolean;
  /** Biases of the projections of queries, keys and values, and of the one that follows attention. */
  readonly qkvBias: boolean;
  readonly outBias: boolean;
  readonly mlpBias: boolean;
  /** True if one tensor holds the projections of queries, keys and values. */
  readonly fusedProjections: boolean;
  /** The bounds ± that queries, keys and values are kept within. */
  readonly projectionClip: number | undefined;
  readonly feedForward: FeedForwardConfig;
  /** True if what a token attends to passes a gate, which is projected with its queries. */
  readonly outputGate: boolean;
  /**
   * The norm of queries and keys: over each head, with one weight for all heads or one for each (in one tensor, or apart),
   * or over all heads together.
   */
  readonly queryKeyNorm: "none" | "head" | "all" | "each-head" | "each-head-apart";
  /** The names of parts that some families call otherwise. */
  readonly names: { readonly q: string; readonly k: string; readonly out: string; readonly finalNorm: string };
  /** RMS norm; or layer norm, with a bias, without one, or without weights at all. */
  readonly norm: "rms" | "layer" | "layer-without-bias" | "layer-without-weights";
  /** An offset that is added to the weight of every norm. */
  readonly normOffset: number;
  /** True if attention and feed-forward read the same normed input and are added together. */
  readonly isParallel: boolean;
  /** The norms before and after each half of a block. */
  readonly norms: { readonly attention: SublayerNorms; readonly feedForward: SublayerNorms };
  /** The factors of token embeddings, of what sublayers add, of logits and of scores. */
  readonly embeddingScale: number;
  readonly residualScale: number;
  readonly logitScale: number;
  readonly attentionScale: number;
  /** Scores, and logits, are kept within ± this. */
  readonly attentionSoftcap: number | undefined;
  /** True if each head has a score beside those of the keys whose share goes to no key. */
  readonly hasSinks: boolean;
  /** The dropout rate of attention weights. */
  readonly attentionDropout: number;
  /** The dropout rates of what sublayers add, of what the feed-forward adds alone, and of embeddings. */
  readonly residualDropout: number;
  readonly feedForwardDropout: number;
  readonly embeddingDropout: number;
  /** True if the output layer has a bias. */
  readonly headBias: boolean;
  readonly logitSoftcap: number | undefined;
  readonly experts: ExpertsConfig | undefined;
  readonly latent: LatentConfig | undefined;
  /** The settings that differ from layer to layer. */
  readonly layers: readonly LlamaLayer[];
}

/** The layers of a feed-forward: gated, with gate and up apart or in one tensor; or two layers under names of their own. */
export type FeedForwardConfig =
  | { readonly kind: "gated" | "fused"; readonly names?: GatedNames }
  | { readonly kind: "plain"; readonly wide: string; readonly narrow: string };

/** The names of a gated feed-forward and its layers, where they are not LLaMA's. */
export interface GatedNames {
  readonly block: string;
  readonly gate: string;
  readonly up: string;
  readonly down: string;
}

/** The names of the norms around a sublayer; undefined where there is none. */
export interface SublayerNorms {
  readonly preNorm?: string;
  readonly postNorm?: string;
}

export interface LlamaLayer {
  /** Undefined: this layer knows no positions. */
  readonly rotary: RotaryConfig | undefined;
  /** The number of positions that back a query sees; undefined: all. */
  readonly window: number | undefined;
  /** True if its feed-forward is a mixture of experts. */
  readonly sparse: boolean;
  /** The layer that mixes tokens in place of attention. */
  readonly mixer?: MixerConfig | undefined;
}

/** Layers that keep a window or a state in place of keys and values. */
export type MixerConfig = GatedConvolutionConfig | DeltaNetConfig;

export interface ExpertsConfig {
  readonly count: number;
  readonly perToken: number;
  readonly intermediateSize: number;
  /** True if the shares of the chosen experts are made to sum to 1. */
  readonly normalized: boolean;
  /** The weight of the load-balancing loss; 0 unless the config asks for it. */
  readonly routerAuxLossCoef: number;
  /** The checkpoint's names of the parts; the router is `gate` where it has no other. */
  readonly names: GatedNames & { readonly router?: string };
  /** True if the router and the layers of experts have biases. */
  readonly bias?: boolean;
  /** A gate g σ(αg) times up + 1, both kept within a limit, in place of the activation of the gate times up. */
  readonly clamped?: { readonly limit: number; readonly alpha: number };
  /** The routing, where it is not by the softmax of all experts alone. */
  readonly routing?: RoutingConfig;
  /** Experts that every token has, as one feed-forward; `gate` names a layer whose sigmoid weighs them. */
  readonly shared?: { readonly name: string; readonly intermediateSize: number; readonly gate?: string };
}

/** The choice of experts as in DeepSeek's models. */
export interface RoutingConfig {
  /** Probabilities of all experts, or of each by itself; a bias `e_score_correction_bias` may count in the choice alone. */
  readonly scores: "softmax" | "sigmoid-with-bias";
  /** Experts come from the best groups alone: by their best expert, or by their two best together. */
  readonly groups: { readonly count: number; readonly chosen: number; readonly by: "best" | "two-best" } | undefined;
  /** The factor of the chosen experts' shares. */
  readonly scale: number;
}

/** Attention whose keys and values are made of a narrow vector each token has, as DeepSeek's (2024). */
export interface LatentConfig {
  /** The width of the vector that queries are made of; undefined: the state itself. */
  readonly queryRank: number | undefined;
  readonly keyValueRank: number;
  /** The parts of a head that know positions and that do not, and the width of its values. */
  readonly turnedSize: number;
  readonly plainSize: number;
  readonly valueSize: number;
  readonly bias: boolean;
}

/** transformers adds the loss where `output_router_logits` is set. */
export function routerAuxLossCoefOf(read: ConfigReader): number {
  return read.boolean("output_router_logits", false) ? read.number("router_aux_loss_coef", 0.001) : 0;
}

/** The settings that a relative of LLaMA reads in its own way. */
export interface LlamaTraits {
  /** The values of fields that the file leaves out, as transformers has them; null counts as said. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** The rotary base where the file names none; default 10000. */
  readonly theta?: number;
  /** The layers that have biases where `attention_bias` and `mlp_bias` ask for them; the others ignore these fields. */
  readonly biases?: "none" | "attention" | "all";
  /** The rotary settings, where they are not read as LLaMA's. */
  readonly rotary?: (headSize: number, maxPositions: number) => RotaryConfig;
}

export function parseLlamaConfig(read: ConfigReader): LlamaConfig {
  const defaults = {
    vocab_size: 32000,
    hidden_size: 4096,
    intermediate_size: 11008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 2048,
  };
  return parseRelative(read, { defaults, biases: "all" });
}

/** The parts in which relatives differ, as LLaMA has them. */
const plainTraits = {
  residualDropout: 0,
  feedForwardDropout: 0,
  embeddingDropout: 0,
  headBias: false,
  fusedProjections: false,
  projectionClip: undefined,
  feedForward: { kind: "gated" },
  outputGate: false,
  queryKeyNorm: "none",
  names: { q: "q_norm", k: "k_norm", out: "o_proj", finalNorm: "norm" },
  norm: "rms",
  normOffset: 0,
  isParallel: false,
  norms: { attention: { preNorm: "input_layernorm" }, feedForward: { preNorm: "post_attention_layernorm" } },
  embeddingScale: 1,
  residualScale: 1,
  logitScale: 1,
  attentionSoftcap: undefined,
  hasSinks: false,
  logitSoftcap: undefined,
  experts: undefined,
  latent: undefined,
} satisfies Partial<LlamaConfig>;

/** Reads the settings of LLaMA or a relative of it. */
export function parseRelative(file: ConfigReader, traits: LlamaTraits): LlamaConfig {
  const read = file.withDefaults(traits.defaults);
  const { theta = 10000, biases = "attention" } = traits;
  const { hiddenSize, heads, keyHeads, headSize } = headsOf(read);
  const maxPositions = read.size("max_position_embeddings");
  const rotary = traits.rotary?.(headSize, maxPositions) ?? parseRotary(read.json, { headSize, maxPositions, theta });
  const reach = rotary.scaling.type === "dynamic" ? rotary.scaling.factor : 1; // dynamic scaling reaches beyond
  const numHiddenLayers = read.size("num_hidden_layers");
  const vocabSize = read.size("vocab_size");
  const attentionBias = biases !== "none" && read.boolean("attention_bias", false);
  return {
    ...plainTraits,
    vocabSize,
    hiddenSize,
    numHiddenLayers,
    numAttentionHeads: heads,
    numKeyValueHeads: keyHeads,
    headSize,
    maxPositionEmbeddings: Math.floor(maxPositions * reach),
    tieWordEmbeddings: read.boolean("tie_word_embeddings", false),
    head: parseDecoderHead(read),
    padTokenId: (read.json.pad_token_id ?? undefined) as number | undefined,
    paddingRow: paddingRow(read, vocabSize),
    intermediateSize: read.size("intermediate_size"),
    rmsNormEps: read.number("rms_norm_eps", 1e-6),
    hiddenAct: read.string("hidden_act", "silu"),
    attentionDropout: read.number("attention_dropout", 0),
    classifierBias: read.boolean("token_classification_bias", true),
    qkvBias: attentionBias,
    outBias: attentionBias,
    mlpBias: biases === "all" && read.boolean("mlp_bias", false),
    attentionScale: headSize ** -0.5,
    layers: Array.from({ length: numHiddenLayers }, () => ({ rotary, window: undefined, sparse: false })),
  };
}

/** The width of the layers and of their heads. */
function headsOf(read: ConfigReader) {
  const hiddenSize = read.size("hidden_size");
  const heads = read.size("num_attention_heads");
  const keyHeads = read.size("num_key_value_heads", heads);
  check(
    heads % keyHeads === 0,
    "config",
    () =>
      `attention: num_key_value_heads must divide num_attention_heads; got ${keyHeads} and ${heads}; check config.json`,
  );
  check(
    (read.json.head_dim ?? undefined) !== undefined || hiddenSize % heads === 0,
    "config",
    () =>
      `attention: head size must divide hidden size; hidden_size ${hiddenSize}, num_attention_heads ${heads}; check config.json`,
  );
  return { hiddenSize, heads, keyHeads, headSize: read.size("head_dim", hiddenSize / heads) };
}

/** The row of the embeddings that training leaves as it is; negative ones count from the end, as in torch. */
function paddingRow(read: ConfigReader, vocabSize: number): number | undefined {
  const { pad_token_id: id } = read.json;
  return typeof id === "number" && id < 0 && -id <= vocabSize ? vocabSize + id : read.tokenId("pad_token_id");
}

/** The config with each layer changed. */
export function withLayers(
  config: LlamaConfig,
  change: (layer: LlamaLayer, index: number) => Partial<LlamaLayer>,
): LlamaConfig {
  return { ...config, layers: config.layers.map((layer, i) => ({ ...layer, ...change(layer, i) })) };
}

/** The type of each layer, as `layer_types` says, else by the family's own rule. */
export function layerTypesOf<T extends string>(
  read: ConfigReader,
  count: number,
  { known, rule }: { readonly known: readonly T[]; readonly rule: (index: number) => T },
): readonly T[] {
  const types = read.json.layer_types ?? undefined;
  if (types === undefined) return Array.from({ length: count }, (_, index) => rule(index));
  check(
    Array.isArray(types) && types.length === count && types.every((type) => known.includes(type)),
    "config",
    () =>
      `config.json: layer_types must name ${known.join(" or ")} for each of the ${count} layers; got ${JSON.stringify(types)}`,
  );
  return types;
}

/** True if each layer sees a window only: as `layer_types` says, else by the family's own rule. */
export function slidingLayers(read: ConfigReader, count: number, rule: (index: number) => boolean): boolean[] {
  const types = layerTypesOf(read, count, {
    known: ["full_attention", "sliding_attention"],
    rule: (index) => (rule(index) ? "sliding_attention" : "full_attention"),
  });
  return types.map((type) => type === "sliding_attention");
}

/**
 * The config with other layers in place of attention.
 * @param mixerOf what a type of layer has in its place, and the numbers that it keeps of a text; undefined: it attends
 */
export function withMixers<T extends string>(
  config: LlamaConfig,
  types: readonly T[],
  mixerOf: (type: T) => { readonly mixer: MixerConfig; readonly stateSize: number } | undefined,
): LlamaConfig {
  const mixers = types.map(mixerOf);
  const kept = {
    attentionLayers: mixers.filter((mixer) => mixer === undefined).length,
    stateSize: mixers.reduce((sum, mixer) => sum + (mixer?.stateSize ?? 0), 0),
  };
  const layered = withLayers(config, (_, i) => ({ mixer: mixers[i]?.mixer }));
  return kept.attentionLayers === types.length ? layered : { ...layered, kept };
}

/** The config with a window in the layers that slide. */
export function withWindow(config: LlamaConfig, sliding: readonly boolean[], window: number | undefined): LlamaConfig {
  check(
    window !== undefined || !sliding.includes(true),
    "config",
    () =>
      "config.json: layer_types has sliding_attention, but sliding_window is null or use_sliding_window is false; set both, or make these layers full_attention",
  );
  return withLayers(config, (_, i) => ({ window: sliding[i] ? window : undefined }));
}

/** `sliding_window`; undefined where the file says null, or leaves out what has no default. */
export function windowOf(read: ConfigReader): number | undefined {
  return (read.json.sliding_window ?? undefined) === undefined ? undefined : read.size("sliding_window");
}
