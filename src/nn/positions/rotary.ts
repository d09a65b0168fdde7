import {
  add,
  cast,
  concat,
  constant,
  cos,
  exp,
  less,
  log,
  max,
  mul,
  neg,
  reduceMax,
  scalar,
  sin,
  type Value,
  where,
} from "../../graph/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { isFixed, type RotaryConfig, rotaryFrequencies } from "../rotary-frequencies.ts";
import { longestOf } from "./cache-slots.ts";
import type { PositionContext } from "./derive.ts";
import { asQueries, atLeastZero, type PositionValues } from "./position-values.ts";
import type { Positions } from "./positions.ts";

/** Cosines and sines. */
interface RotaryTables {
  readonly cos: Value;
  readonly sin: Value;
}

/** Cosines and sines of the queries: `[B, 1, T, D]`. */
export function rotaryTables(context: PositionContext, config: RotaryConfig): RotaryTables {
  const shape = [context.batch, 1, context.queries, config.size];
  const table = (part: "cos" | "sin"): Value => {
    const compute = (positions: Positions): HostTensor => computeTable(config, part, positions);
    const build = (positions: PositionValues): Value => buildTable(config, part, positions);
    return context.derive(`rotary_${part}`, config, { compute, build, dtype: "float32", shape });
  };
  return { cos: table("cos"), sin: table("sin") };
}

/** Cosines and sines of all positions: `[N, R / 2]`. */
export function allRotaryTables(context: PositionContext, config: RotaryConfig): RotaryTables {
  const table = (part: "cos" | "sin"): Value => {
    const compute = (positions: Positions): HostTensor => rotaryRows(config, part, longestOf(positions));
    return context.derive(`rotary_table_${part}`, config, { compute, dtype: "float32", shape: ["N", config.size / 2] });
  };
  return { cos: table("cos"), sin: table("sin") };
}

/**
 * Cosines (both halves) or sines (the first half negated, see `rotary`) of the queries: `[B, 1, T, D]`. Where frequencies
 * follow from how long a text is, a row goes by its own length if that is given, else by the longest of all.
 */
function computeTable(
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

/** The same as a value of the graph; where frequencies follow from how long a text is, all rows go by the longest. */
function buildTable(config: RotaryConfig, part: "cos" | "sin", { places }: PositionValues): Value {
  const at = cast(asQueries(atLeastZero(places)), "float32"); // [B, 1, T, 1]
  const angles = mul(at, frequenciesOf(config, at)); // [B, 1, T, R / 2]
  const factor = scalar("attentionFactor" in config.scaling ? config.scaling.attentionFactor : 1);
  const values = mul(part === "cos" ? cos(angles) : sin(angles), factor);
  return concat([part === "cos" ? values : neg(values), values], 3);
}

/** The angle of each pair of dimensions by position: `[R / 2]`. */
function frequenciesOf(config: RotaryConfig, at: Value): Value {
  const table = (data: Float64Array): Value =>
    constant({ dtype: "float32", shape: [data.length], data: Float32Array.from(data) });
  const short = table(rotaryFrequencies(config, 1));
  if (isFixed(config)) return short;
  const { scaling, dimension, theta, maxPositions } = config;
  const length = add(reduceMax(at, [0, 1, 2, 3], false), scalar(1)); // a scalar
  const isWithin = (most: number): Value => less(length, scalar(most + 1));
  if (scaling.type === "longrope")
    return where(isWithin(scaling.original), short, table(rotaryFrequencies(config, scaling.original + 1)));
  const { factor } = scaling as Extract<typeof scaling, { type: "dynamic" }>;
  const reach = add(mul(max(length, scalar(maxPositions)), scalar(factor / maxPositions)), scalar(1 - factor));
  const base = add(mul(log(reach), scalar(dimension / (dimension - 2))), scalar(Math.log(theta)));
  const exponents = Float64Array.from({ length: config.size / 2 }, (_, i) => (-2 * i) / dimension);
  return where(isWithin(maxPositions), short, exp(mul(table(exponents), base)));
}

/** The fewest rows of a table. */
const LEAST_ROWS = 256;

/** The tables that were computed last, by the settings. */
const tables = new WeakMap<RotaryConfig, Partial<Record<"cos" | "sin", HostTensor<"float32">>>>();

/** Cosines or sines `[N, R / 2]` of the first positions, at least `count`; the same tensor until more are needed. */
function rotaryRows(config: RotaryConfig, part: "cos" | "sin", count: number): HostTensor<"float32"> {
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
