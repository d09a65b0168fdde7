import type { GgufMetadata } from "./metadata.ts";
import type { GgufEntry } from "./write.ts";

type Json = Readonly<Record<string, unknown>>;

/** The sampling settings by transformers' names: the keys of llama.cpp, and their types. */
const keys = {
  temperature: ["general.sampling.temp", "f32"],
  top_k: ["general.sampling.top_k", "i32"],
  top_p: ["general.sampling.top_p", "f32"],
  min_p: ["general.sampling.min_p", "f32"],
  repetition_penalty: ["general.sampling.penalty_repeat", "f32"],
} as const;

export type SamplingField = keyof typeof keys;

const fields = Object.keys(keys) as readonly SamplingField[];

/** The metadata of sampling defaults. */
export function samplingEntries(values: Partial<Record<SamplingField, number>>): GgufEntry[] {
  return fields.flatMap((field): GgufEntry[] => {
    const value = values[field];
    return value === undefined ? [] : [[...keys[field], value]];
  });
}

/** The sampling defaults of a file as `generation_config.json` has them; a file with any of them draws its tokens. */
export function samplingConfig(metadata: GgufMetadata): Json {
  const found = fields.flatMap((field) => {
    const value = metadata.optional(keys[field][0]);
    return value === undefined ? [] : [[field, Number(value.toPrecision(7))] as const];
  });
  const { temperature, top_k, ...rest } = Object.fromEntries(found) as Partial<Record<SamplingField, number>>;
  const draws = found.some(([field]) => field !== "repetition_penalty");
  return {
    ...(draws && { do_sample: true }),
    ...(temperature !== undefined && { temperature: Math.max(0, temperature) }),
    ...(top_k !== undefined && { top_k: Math.max(0, top_k) }),
    ...rest,
  };
}
