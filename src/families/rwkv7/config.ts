import { check, ownEntry, shown } from "../../common/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { parseDecoderHead } from "../decoder-head.ts";
import type { DecoderConfig } from "../family.ts";

/** The ranks of the matrices that give each token its decay, rate, share of the first layer's values, and gate. */
export interface LowRanks {
  readonly decay: number;
  readonly rate: number;
  readonly value: number;
  readonly gate: number;
}

export interface Rwkv7Config extends DecoderConfig {
  readonly heads: number;
  /** The width of a head, of keys and of values. */
  readonly headWidth: number;
  readonly intermediateSize: number;
  readonly ranks: LowRanks;
  readonly hiddenAct: string;
  readonly normEps: number;
  readonly normBias: boolean;
  /** True if words are normalised before the first layer. */
  readonly normsWords: boolean;
  /** Added to the squared length by which keys are divided. */
  readonly lengthEps: number;
  /** True if the first files' one tensor holds a layer's six shares of the token before. */
  readonly hasJoinedShares: boolean;
}

/** flash-linear-attention's names of activations that others call otherwise. */
const activations: Readonly<Record<string, string>> = { sqrelu: "relu2", relu: "relu", silu: "silu", swish: "silu" };

/** The settings of flash-linear-attention's `RWKV7Config`. */
export function parseRwkv7Config(file: ConfigReader): Rwkv7Config {
  const read = file.withDefaults({ vocab_size: 32000, hidden_size: 2048, num_hidden_layers: 24 });
  const [hiddenSize, numHiddenLayers] = [read.size("hidden_size"), read.size("num_hidden_layers")];
  const headWidth = headWidthOf(read, hiddenSize);
  read.refuse("attn", null);
  checkValues(read, hiddenSize);
  const act = read.string("hidden_act", "sqrelu");
  const hiddenAct = ownEntry(activations, act);
  check(
    hiddenAct !== undefined,
    "unsupported",
    () => `config.json: hidden_act must be one of ${Object.keys(activations).join(", ")}; got ${shown(act)}`,
  );
  return {
    vocabSize: read.size("vocab_size"),
    hiddenSize,
    numHiddenLayers,
    numAttentionHeads: 0,
    numKeyValueHeads: 0,
    headSize: 0,
    kept: { attentionLayers: 0, stateSize: numHiddenLayers * hiddenSize * (2 + headWidth) },
    maxPositionEmbeddings: Number.POSITIVE_INFINITY, // a state has no length
    tieWordEmbeddings: read.boolean("tie_word_embeddings", false),
    head: parseDecoderHead(read),
    padTokenId: read.tokenId("pad_token_id"),
    heads: hiddenSize / headWidth,
    headWidth,
    intermediateSize: read.size("intermediate_size", 32 * Math.ceil(wide(read, hiddenSize) / 32)),
    ranks: ranksOf(read, hiddenSize, headWidth),
    hiddenAct: hiddenAct as string,
    normEps: read.number("norm_eps", 1e-5),
    normBias: read.boolean("norm_bias", true),
    normsWords: read.boolean("norm_first", true),
    lengthEps: read.boolean("fuse_norm", true) ? 1e-6 : 1e-24,
    hasJoinedShares: read.hasTensor(/\.attn\.x_x$/),
  };
}

const wide = (read: ConfigReader, hiddenSize: number): number =>
  Math.floor(hiddenSize * read.number("hidden_ratio", 4));

/** `head_dim`, or, where it is null, `hidden_size` over `num_heads`. */
function headWidthOf(read: ConfigReader, hiddenSize: number): number {
  const byCount = read.json.head_dim === null;
  const given = byCount ? read.size("num_heads") : read.size("head_dim", 64);
  check(
    hiddenSize % given === 0,
    "config",
    () => `config.json: ${byCount ? "num_heads" : "head_dim"} must divide hidden_size ${hiddenSize}; got ${given}`,
  );
  return byCount ? hiddenSize / given : given;
}

/** Values are as wide as keys: other widths are nowhere published, and the authors' models have none. */
function checkValues(read: ConfigReader, hiddenSize: number): void {
  const given = read.json.value_dim ?? [];
  check(
    (Array.isArray(given) ? given : [given]).every((size) => size === hiddenSize),
    "unsupported",
    () => `config.json: value_dim must be hidden_size, ${hiddenSize}, in every layer; got ${shown(given)}`,
  );
}

/** The nearest whole number, of two the even one, as Python rounds. */
const roundToEven = (x: number): number => (x % 1 === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

/** The ranks of the config; one that is null follows from the widths. */
function ranksOf(read: ConfigReader, hiddenSize: number, headWidth: number): LowRanks {
  const rank = (name: string, fallback: number, factor: number): number => {
    const derived = Math.max(32, 32 * roundToEven((factor * Math.sqrt(hiddenSize)) / 32));
    return read.json[name] === null ? derived : read.size(name, fallback);
  };
  const scale = headWidth / 64;
  return {
    decay: rank("decay_low_rank_dim", 64, 2.5 * scale),
    rate: rank("a_low_rank_dim", 64, 2.5 * scale),
    value: rank("v_low_rank_dim", 16, 1.7 * scale),
    gate: rank("gate_low_rank_dim", 128, 5),
  };
}
