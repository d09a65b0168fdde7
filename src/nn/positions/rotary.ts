import type { HostTensor } from "../../tensor/index.ts";
import { type RotaryConfig, rotaryFrequencies } from "../rotary-frequencies.ts";
import type { Positions } from "./positions.ts";

/**
 * Cosines (both halves) or sines (the first half negated, see `rotary`) of the queries: `[B, 1, T, D]`. Where frequencies
 * follow from how long a text is, a row goes by its own length if that is given, else by the longest of all.
 */
export function rotaryTable(
  config: RotaryConfig,
  part: "cos" | "sin",
  { queries, lengths }: Positions,
): HostTensor<"float32"> {
  const longest = queries.flat().reduce((most, position) => Math.max(most, position + 1), 0);
  const factor = "attentionFactor" in config.scaling ? config.scaling.attentionFactor : 1;
  const [rows, width, half] = [queries.length, queries[0]?.length ?? 0, config.size / 2];
  const data = new Float32Array(rows * width * 2 * half);
  let at = 0;
  for (const [row, positions] of queries.entries()) {
    const frequencies = rotaryFrequencies(config, lengths?.[row] ?? longest);
    for (const position of positions) {
      for (let i = 0; i < half; i++) {
        const angle = Math.max(0, position) * (frequencies[i] as number);
        const value = (part === "cos" ? Math.cos(angle) : Math.sin(angle)) * factor;
        data[at + i] = part === "cos" ? value : -value;
        data[at + half + i] = value;
      }
      at += 2 * half;
    }
  }
  return { dtype: "float32", shape: [rows, 1, width, 2 * half], data };
}

/** The fewest rows of a table. */
const LEAST_ROWS = 256;

/** The tables that were computed last, by the settings. */
const tables = new WeakMap<RotaryConfig, Partial<Record<"cos" | "sin", HostTensor<"float32">>>>();

/** Cosines or sines `[N, R / 2]` of the first positions, at least `count`; the same tensor until more are needed. */
export function rotaryRows(config: RotaryConfig, part: "cos" | "sin", count: number): HostTensor<"float32"> {
  const known = tables.get(config) ?? {};
  const held = known[part];
  if (held && (held.shape[0] as number) >= count) return held;
  const rows = Math.max(LEAST_ROWS, 2 ** Math.ceil(Math.log2(count)));
  const half = config.size / 2;
  const frequencies = rotaryFrequencies(config, rows);
  const factor = "attentionFactor" in config.scaling ? config.scaling.attentionFactor : 1;
  const data = new Float32Array(rows * half);
  for (let position = 0; position < rows; position++)
    for (let i = 0; i < half; i++)
      data[position * half + i] = Math[part](position * (frequencies[i] as number)) * factor;
  const table: HostTensor<"float32"> = { dtype: "float32", shape: [rows, half], data };
  tables.set(config, { ...known, [part]: table });
  return table;
}
