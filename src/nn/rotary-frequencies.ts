import { check, isObject, LecternError, shown } from "../common/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import type { Positions } from "./positions.ts";

/** How rotary frequencies are scaled to longer contexts, as `rope_scaling` or `rope_parameters` says. */
export interface RotaryConfig {
  /** How many dimensions of each head are turned; the rest stay as they are. */
  readonly size: number;
  readonly theta: number;
  readonly maxPositions: number;
  readonly scaling: RotaryScaling;
}

export type RotaryScaling =
  | { readonly type: "default" }
  | { readonly type: "linear"; readonly factor: number }
  | { readonly type: "dynamic"; readonly factor: number }
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

/** Reads `rope_theta` + `rope_scaling` (transformers 4) or `rope_parameters` (transformers 5). */
export function parseRotary(
  json: Readonly<Record<string, unknown>>,
  headSize: number,
  maxPositions: number,
  defaultTheta = 10000,
): RotaryConfig {
  const raw = json.rope_parameters ?? json.rope_scaling ?? {};
  check(isObject(raw), "config", () => `rope: rope_parameters and rope_scaling must be objects; got ${shown(raw)}`);
  const number = (key: string, fallback?: number): number => {
    const value = raw[key] ?? fallback;
    check(
      typeof value === "number" && value > 0 && Number.isFinite(value),
      "config",
      () => `rope: ${key} must be a number above 0; got ${shown(value)}`,
    );
    return value;
  };
  const given = (value: unknown, key: string): number => {
    const fits = typeof value === "number" && value > 0 && Number.isFinite(value);
    check(fits, "config", () => `rope: ${key} must be a number above 0; got ${shown(value)}`);
    return value;
  };
  const theta = given(raw.rope_theta ?? json.rope_theta ?? json.rotary_emb_base ?? defaultTheta, "rope_theta");
  const part = given(
    raw.partial_rotary_factor ?? json.partial_rotary_factor ?? json.rotary_pct ?? 1,
    "partial_rotary_factor",
  );
  check(part <= 1, "config", () => `rope: partial_rotary_factor must be at most 1; got ${part}`);
  const size = Math.floor(headSize * part);
  check(
    size >= 2 && size % 2 === 0,
    "config",
    () => `rope: an even number of dimensions of each head is turned; got ${size} of ${headSize}; check head_dim`,
  );
  const type = (raw.rope_type ?? raw.type ?? "default") as string;
  const original = (): number =>
    number(
      "original_max_position_embeddings",
      (json.original_max_position_embeddings as number | undefined) ?? maxPositions,
    );
  const base = { size, theta, maxPositions };
  switch (type) {
    case "default":
      return { ...base, scaling: { type } };
    case "linear":
      return { ...base, scaling: { type, factor: number("factor") } };
    case "dynamic":
      return { ...base, scaling: { type, factor: number("factor") } };
    case "llama3": {
      const bounds = { lowFrequency: number("low_freq_factor"), highFrequency: number("high_freq_factor") };
      return { ...base, scaling: { type, factor: number("factor"), original: original(), ...bounds } };
    }
    case "yarn": {
      const factor = number("factor");
      return {
        ...base,
        scaling: {
          type,
          factor,
          original: original(),
          betaFast: number("beta_fast", 32),
          betaSlow: number("beta_slow", 1),
          attentionFactor: number("attention_factor", yarnAttentionFactor(raw, factor)),
          truncate: raw.truncate !== false,
        },
      };
    }
    case "su":
    case "longrope": {
      const factor = number("factor", maxPositions / original());
      const grown = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original()));
      const list = (key: string): number[] => {
        const values = raw[key];
        const fits =
          Array.isArray(values) && values.length === size / 2 && values.every((x) => Number.isFinite(x) && x > 0);
        check(fits, "config", () => `rope: ${key} must be a list of ${size / 2} numbers above 0`);
        return values as number[];
      };
      const factors = { shortFactors: list("short_factor"), longFactors: list("long_factor") };
      const attentionFactor = number("attention_factor", grown);
      return { ...base, scaling: { type: "longrope", original: original(), attentionFactor, ...factors } };
    }
    default:
      throw new LecternError(
        "unsupported",
        `rope: type ${shown(type)} is not known; known: default, linear, dynamic, yarn, llama3, longrope`,
      );
  }
}

/** 0.1 ln(factor) + 1, or the ratio of two such terms where the config weighs them (DeepSeek's `mscale`). */
function yarnAttentionFactor(raw: Record<string, unknown>, factor: number): number {
  const scale = (weight: number): number => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  const { mscale, mscale_all_dim: all } = raw;
  return typeof mscale === "number" && typeof all === "number" && mscale && all ? scale(mscale) / scale(all) : scale(1);
}

/** The angle per position of each pair of dimensions, `[D / 2]`; `length` matters to dynamic and longrope scaling. */
export function rotaryFrequencies(config: RotaryConfig, length: number): Float64Array {
  const { size, scaling, maxPositions } = config;
  let { theta } = config;
  if (scaling.type === "dynamic") {
    const reach = Math.max(length, maxPositions);
    theta *= ((scaling.factor * reach) / maxPositions - (scaling.factor - 1)) ** (size / (size - 2));
  }
  const plain = Float64Array.from({ length: size / 2 }, (_, i) => theta ** ((-2 * i) / size));
  if (scaling.type === "linear") return plain.map((frequency) => frequency / scaling.factor);
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
  if (wavelength < scaling.original / scaling.highFrequency) return frequency;
  if (wavelength > scaling.original / scaling.lowFrequency) return frequency / scaling.factor;
  const span = scaling.highFrequency - scaling.lowFrequency;
  const smooth = (scaling.original / wavelength - scaling.lowFrequency) / span;
  return ((1 - smooth) * frequency) / scaling.factor + smooth * frequency;
}

/** Peng et al., "YaRN" (2023): a ramp between extrapolated and interpolated frequencies. */
function yarnFrequencies(
  plain: Float64Array,
  config: RotaryConfig,
  scaling: RotaryScaling & { type: "yarn" },
): Float64Array {
  const dimension = (rotations: number): number =>
    (config.size * Math.log(scaling.original / (rotations * 2 * Math.PI))) / (2 * Math.log(config.theta));
  let [low, high] = [dimension(scaling.betaFast), dimension(scaling.betaSlow)];
  if (scaling.truncate) [low, high] = [Math.floor(low), Math.ceil(high)];
  low = Math.max(low, 0);
  high = Math.min(high, config.size - 1);
  if (low === high) high += 0.001;
  return plain.map((frequency, i) => {
    const ramp = Math.min(1, Math.max(0, (i - low) / (high - low)));
    return (frequency / scaling.factor) * ramp + frequency * (1 - ramp);
  });
}

/** Cosines (both halves) or sines (the first half negated, see `rotary`) of the queries: `[B, 1, T, D]`. */
export function rotaryTable(config: RotaryConfig, part: "cos" | "sin", { queries }: Positions): HostTensor<"float32"> {
  const longest = queries.flat().reduce((most, position) => Math.max(most, position + 1), 0);
  const frequencies = rotaryFrequencies(config, longest);
  const factor = "attentionFactor" in config.scaling ? config.scaling.attentionFactor : 1;
  const [rows, length, half] = [queries.length, queries[0]?.length ?? 0, frequencies.length];
  const data = new Float32Array(rows * length * 2 * half);
  let at = 0;
  for (const position of queries.flat()) {
    for (let i = 0; i < half; i++) {
      const angle = Math.max(0, position) * (frequencies[i] as number);
      const value = (part === "cos" ? Math.cos(angle) : Math.sin(angle)) * factor;
      data[at + i] = part === "cos" ? value : -value;
      data[at + half + i] = value;
    }
    at += 2 * half;
  }
  return { dtype: "float32", shape: [rows, 1, length, 2 * half], data };
}
