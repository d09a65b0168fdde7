import { check, isObject, shown } from "../../common/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { parseStateSpace, type StateSpaceConfig } from "../mamba/config.ts";

export interface Mamba2Config extends StateSpaceConfig {
  /** The heads into which inner channels are parted, and the groups of heads that share what is written and read. */
  readonly heads: number;
  readonly headWidth: number;
  readonly groups: number;
  /** The bounds of step sizes; the upper one may be infinite. */
  readonly stepLimit: readonly [least: number, most: number];
}

export function parseMamba2Config(file: ConfigReader): Mamba2Config {
  const read = file.withDefaults({ vocab_size: 32768, hidden_size: 4096, num_hidden_layers: 64, state_size: 128 });
  const [heads, headWidth, groups] = [read.size("num_heads", 128), read.size("head_dim", 64), read.size("n_groups", 8)];
  const hiddenSize = read.size("hidden_size");
  const innerSize = read.size("expand", 2) * hiddenSize;
  check(
    innerSize === heads * headWidth,
    "config",
    () =>
      `config.json: hidden_size times expand must be num_heads times head_dim; got ${innerSize} and ${heads * headWidth}`,
  );
  check(
    heads % groups === 0,
    "config",
    () => `config.json: n_groups must divide num_heads; got ${groups} and ${heads}`,
  );
  const window = innerSize + 2 * groups * read.size("state_size");
  return {
    ...parseStateSpace(read, { innerSize, window, tied: false }),
    heads,
    headWidth,
    groups,
    stepLimit: stepLimitOf(read),
  };
}

/** `time_step_limit`, whose upper bound is Infinity by default: in files, `{ "__float__": "Infinity" }`. */
function stepLimitOf(read: ConfigReader): readonly [number, number] {
  const given = read.json.time_step_limit ?? [0, Number.POSITIVE_INFINITY];
  const isInfinite = (bound: unknown): boolean => isObject(bound) && bound.__float__ === "Infinity";
  const bounds = Array.isArray(given)
    ? given.map((bound) => (isInfinite(bound) ? Number.POSITIVE_INFINITY : bound))
    : [];
  check(
    bounds.length === 2 && bounds.every((bound) => typeof bound === "number"),
    "config",
    () => `config.json: time_step_limit must be two numbers; got ${shown(given)}`,
  );
  return bounds as unknown as readonly [number, number];
}
