import { check, isObject, LecternError, shown } from "../common/index.ts";

/** Rotary positions as a config sets them: how much of each head is turned, and how frequencies are scaled. */
export interface RotaryConfig {
  /** The number of dimensions of each head that are rotated, an even number; the rest stay as they are. */
  readonly size: number;
  /** The width that frequencies are spaced by; one below `size` where the rotated share of the head is odd. */
  readonly dimension: number;
  /** The base of the frequencies. */
  readonly theta: number;
  /** The context window in tokens. */
  readonly maxPositions: number;
  /** The scaling beyond the window of training. */
  readonly scaling: RotaryScaling;
  /** True if pairs of dimensions lie side by side, as in GPT-J; else one half of the head lies before the other. */
  readonly isInterleaved?: boolean;
}

/** The scaling of rotary frequencies beyond the window of training. */
export type RotaryScaling =
  | { readonly type: "default" }
  | { readonly type: "linear"; readonly factor: number }
  | { readonly type: "dynamic"; readonly factor: number }
  | { readonly type: "proportional"; readonly factor: number; readonly turned: number }
  | {
      readonly type: "yarn";
      readonly factor: number;
      readonly original: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      readonly attentionFactor: number;
      readonly truncate: boolean;
    }
  | {
      readonly type: "longrope";
      readonly original: number;
      readonly attentionFactor: number;
      readonly shortFactors: readonly number[];
      readonly longFactors: readonly number[];
    }
  | {
      readonly type: "llama3";
      readonly factor: number;
      readonly original: number;
      readonly lowFrequency: number;
      readonly highFrequency: number;
    };

type Json = Readonly<Record<string, unknown>>;

/** Facts about a model that its rotary settings are read against. */
export interface RotarySource {
  /** The width of an attention head. */
  readonly headSize: number;
  /** `max_position_embeddings`. */
  readonly maxPositions: number;
  /** The base where the settings name none. */
  readonly theta: number;
  /** The share of each head to turn where the settings name none; default 1. */
  readonly share?: number;
  /** True if the model can turn a part of each head; the others ignore the share where nothing is scaled. */
  readonly isPartial?: boolean;
  /** `original_max_position_embeddings` beside the settings, which goes before theirs. */
  readonly original?: number | undefined;
}

/** The rotary settings of a config: `rope_scaling` (transformers 4), else `rope_parameters` (transformers 5). */
export function rotarySettings({ rope_scaling: old, rope_parameters: given }: Json): Json {
  for (const settings of [old ?? {}, given ?? {}])
    check(
      isObject(settings),
      "config",
      () => `config.json: rope_parameters and rope_scaling must be objects; got ${shown(settings)}`,
    );
  return (Object.keys(old ?? {}).length > 0 ? old : (given ?? {})) as Json;
}

/** Reads `rope_theta` + `rope_scaling` (transformers 4) or `rope_parameters` (transformers 5). */
export function parseRotary(json: Json, { headSize, maxPositions, theta, isPartial }: RotarySource): RotaryConfig {
  const number = (key: string, fallback: number): number => numberOf(json, key) ?? fallback;
  return readRotary(rotarySettings(json), {
    headSize,
    maxPositions,
    theta: number("rope_theta", theta),
    isPartial: isPartial ?? false,
    share: number("partial_rotary_factor", 1),
    original: numberOf(json, "original_max_position_embeddings"),
  });
}

/** A number of the settings; undefined where there is none or null. */
function numberOf(raw: Json, key: string): number | undefined {
  const value = raw[key] ?? undefined;
  check(
    value === undefined || (typeof value === "number" && Number.isFinite(value) && value >= 0),
    "config",
    () => `rope: ${key} must be a positive number; got ${JSON.stringify(value)}; check config.json`,
  );
  return value as number | undefined;
}

/** Checks one set of rotary settings, and works out what they leave open as transformers does. */
export function readRotary(raw: Json, source: RotarySource): RotaryConfig {
  const { headSize, maxPositions } = source;
  const type = raw.rope_type ?? raw.type ?? "default";
  const theta = numberOf(raw, "rope_theta") ?? source.theta;
  const share = numberOf(raw, "partial_rotary_factor") ?? source.share ?? 1;
  const isWhole = type === "proportional" || (type === "default" && !source.isPartial);
  const dimension = isWhole ? headSize : Math.floor(headSize * share);
  const size = 2 * Math.ceil(dimension / 2);
  const fits = source.isPartial ? size <= headSize : size === headSize;
  check(
    fits,
    "config",
    () =>
      `rope: partial_rotary_factor ${share} turns ${size} of the ${headSize} dimensions of each head; expected ${source.isPartial ? `at most ${headSize}` : "all"}; check config.json`,
  );
  check(
    type !== "yarn" || dimension % 2 === 0,
    "config",
    () =>
      `rope: partial_rotary_factor ${share} turns ${dimension} of the ${headSize} dimensions of each head; rope_type yarn expects an even number; check config.json`,
  );
  check(theta > 0, "config", () => `rope: rope_theta must be a positive number; got ${theta}; check config.json`);
  const scaling = readScaling(raw, String(type), { source, size, headSize, share });
  const config = { size, dimension, theta, maxPositions, scaling };
  const attentionFactor = "attentionFactor" in scaling ? scaling.attentionFactor : 1;
  check(
    [...rotaryFrequencies(config, 1), ...rotaryFrequencies(config, maxPositions + 1), attentionFactor].every(
      Number.isFinite,
    ),
    "config",
    () => `rope: these settings give frequencies that are not numbers: ${JSON.stringify(raw)}; check config.json`,
  );
  return config;
}

function readScaling(
  raw: Json,
  type: string,
  { source, size, headSize, share }: { source: RotarySource; size: number; headSize: number; share: number },
): RotaryScaling {
  const { maxPositions } = source;
  const number = (key: string): number => {
    const value = numberOf(raw, key);
    check(value, "config", () => `rope: ${key} must be a positive number; got ${raw[key]}; check config.json`);
    return value;
  };
  const original = source.original ?? numberOf(raw, "original_max_position_embeddings") ?? maxPositions;
  switch (type) {
    case "default":
      return { type };
    case "linear":
    case "dynamic":
      return { type, factor: number("factor") };
    case "proportional":
      return { type, factor: numberOf(raw, "factor") ?? 1, turned: Math.floor((share * headSize) / 2) };
    case "llama3": {
      const bounds = { lowFrequency: number("low_freq_factor"), highFrequency: number("high_freq_factor") };
      return { type, factor: number("factor"), original, ...bounds };
    }
    case "yarn": {
      const factor = raw.factor === null ? maxPositions / original : number("factor");
      return {
        type,
        factor,
        original,
        betaFast: numberOf(raw, "beta_fast") || 32,
        betaSlow: numberOf(raw, "beta_slow") || 1,
        attentionFactor: numberOf(raw, "attention_factor") ?? yarnAttentionFactor(raw, factor),
        truncate: raw.truncate === undefined || Boolean(raw.truncate),
      };
    }
    case "longrope": {
      const factor = numberOf(raw, "factor") ?? maxPositions / original;
      const grown = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
      const list = (key: string): number[] => {
        const given = raw[key];
        const isOne = Array.isArray(given) && given.length === 1; // one for all, as torch reads it
        const values = isOne ? new Array(size / 2).fill(given[0]) : given;
        const fits = Array.isArray(values) && values.length === size / 2 && values.every((x) => typeof x === "number");
        check(fits, "config", () => `rope: ${key} must be a list of ${size / 2} numbers; check config.json`);
        return values;
      };
      const factors = { shortFactors: list("short_factor"), longFactors: list("long_factor") };
      return { type, original, attentionFactor: numberOf(raw, "attention_factor") ?? grown, ...factors };
    }
    default:
      throw new LecternError(
        "unsupported",
        `rope: type "${type}" is not known; known: default, linear, dynamic, proportional, yarn, llama3, longrope`,
      );
  }
}

/** 0.1 ln(factor) + 1, or the ratio of two such terms where the config weighs them (DeepSeek's `mscale`). */
function yarnAttentionFactor(raw: Json, factor: number): number {
  const scale = (weight: number): number => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  const [mscale, all] = [numberOf(raw, "mscale"), numberOf(raw, "mscale_all_dim")];
  return mscale && all ? scale(mscale) / scale(all) : scale(1);
}

/** The angle per position of each pair of dimensions, `[D / 2]`; `length` matters to dynamic and longrope scaling. */
export function rotaryFrequencies(config: RotaryConfig, length: number): Float64Array {
  const { size, dimension, scaling, maxPositions } = config;
  let { theta } = config;
  if (scaling.type === "dynamic") {
    const reach = Math.max(length, maxPositions);
    theta *= ((scaling.factor * reach) / maxPositions - (scaling.factor - 1)) ** (dimension / (dimension - 2));
  }
  const plain = Float64Array.from({ length: size / 2 }, (_, i) => theta ** ((-2 * i) / dimension));
  if (scaling.type === "linear") return plain.map((frequency) => frequency / scaling.factor);
  if (scaling.type === "proportional")
    return plain.map((frequency, i) => (i < scaling.turned ? frequency / scaling.factor : 0));
  if (scaling.type === "longrope") {
    const factors = length > scaling.original ? scaling.longFactors : scaling.shortFactors; // Ding et al., 2024
    return plain.map((frequency, i) => frequency / (factors[i] as number));
  }
  if (scaling.type === "llama3") return plain.map((frequency) => llama3Frequency(frequency, scaling));
  if (scaling.type === "yarn") return yarnFrequencies(plain, config, scaling);
  return plain;
}

/** Long waves are stretched, short ones kept, those between blended. */
function llama3Frequency(frequency: number, scaling: RotaryScaling & { type: "llama3" }): number {
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength > scaling.original / scaling.lowFrequency) return frequency / scaling.factor;
  if (wavelength < scaling.original / scaling.highFrequency) return frequency;
  const span = scaling.highFrequency - scaling.lowFrequency;
  const smooth = (scaling.original / wavelength - scaling.lowFrequency) / span;
  return ((1 - smooth) * frequency) / scaling.factor + smooth * frequency;
}

/** Peng et al., "YaRN" (2023): a ramp between extrapolated and interpolated frequencies. */
function yarnFrequencies(
  plain: Float64Array,
  { dimension, theta }: RotaryConfig,
  scaling: RotaryScaling & { type: "yarn" },
): Float64Array {
  const place = (rotations: number): number =>
    (dimension * Math.log(scaling.original / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  let [low, high] = [place(scaling.betaFast), place(scaling.betaSlow)];
  if (scaling.truncate) [low, high] = [Math.floor(low), Math.ceil(high)];
  low = Math.max(low, 0);
  high = Math.min(high, dimension - 1);
  if (low === high) high += 0.001;
  return plain.map((frequency, i) => {
    const ramp = Math.min(1, Math.max(0, (i - low) / (high - low)));
    return (frequency / scaling.factor) * ramp + frequency * (1 - ramp);
  });
}

/** True if a position is always turned alike, however long its text. */
export function isFixed(config: RotaryConfig): boolean {
  return fixedUpTo(config) === Number.POSITIVE_INFINITY;
}

/** The text length in tokens up to which a position is always turned alike. */
export function fixedUpTo({ scaling, maxPositions }: RotaryConfig): number {
  if (scaling.type === "dynamic") return maxPositions;
  return scaling.type === "longrope" ? scaling.original : Number.POSITIVE_INFINITY;
}
