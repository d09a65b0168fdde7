import { check } from "../../common/index.ts";
import { type RotaryConfig, readRotary } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";

type ReadsRotary = (headSize: number, maxPositions: number) => RotaryConfig;

/**
 * The rotary settings of layers that see all tokens and of those with a window: under `rope_parameters` by kind, or
 * `rope_scaling` for the former. `theta` gives the bases where these name none.
 */
export function layerRotary(
  read: ConfigReader,
  theta: { readonly whole: number; readonly local: number },
): { readonly whole: ReadsRotary; readonly local: ReadsRotary } {
  const { rope_parameters: given, rope_scaling: scaling } = read.json;
  const ofKind = (kind: string): Readonly<Record<string, unknown>> => {
    const raw = (given as Record<string, unknown> | null | undefined)?.[kind] ?? {};
    check(
      typeof raw === "object",
      "config",
      () => `config.json: rope_parameters.${kind} must be an object; got ${JSON.stringify(raw)}`,
    );
    return { rope_type: "default", ...raw, truncate: undefined };
  };
  const reader =
    (raw: Readonly<Record<string, unknown>>, theta: number): ReadsRotary =>
    (headSize, maxPositions) =>
      readRotary(raw, { headSize, maxPositions, theta, share: read.number("partial_rotary_factor", 1) });
  const whole = { ...ofKind("full_attention"), ...(scaling as object | null | undefined), truncate: undefined };
  return { whole: reader(whole, theta.whole), local: reader(ofKind("sliding_attention"), theta.local) };
}
