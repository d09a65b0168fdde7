import { readRotary, rotarySettings } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { type LlamaConfig, parseRelative, windowOf, withLayers } from "../llama/config.ts";

/** Names of `longrope` in older files. */
const olderNames = ["su", "yarn"];

/** Phi-3 is LLaMA with fused projections, and a window where the config has one (Abdin et al., 2024). */
export function parsePhi3Config(file: ConfigReader): LlamaConfig {
  const read = file.withDefaults({
    vocab_size: 32064,
    hidden_size: 3072,
    intermediate_size: 8192,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 4096,
    original_max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
    pad_token_id: 32000,
  });
  const base = parseRelative(read, { defaults: {}, biases: "none", rotary: phi3Rotary(read) });
  const window = windowOf(read);
  const { scaling } = base.layers[0]?.rotary ?? {};
  return {
    ...withLayers(base, () => ({ window })),
    fusedProjections: true,
    feedForward: { kind: "fused" },
    residualDropout: read.number("resid_pdrop", 0),
    ...(scaling?.type === "longrope" && { cacheIsGoodTo: scaling.original }),
  };
}

function phi3Rotary(read: ConfigReader): NonNullable<Parameters<typeof parseRelative>[1]["rotary"]> {
  return (headSize, maxPositions) => {
    const raw = rotarySettings(read.json);
    const type = raw.rope_type ?? raw.type ?? "default";
    const settings = olderNames.includes(type as string) ? { ...raw, rope_type: "longrope" } : raw;
    if (!["default", "longrope"].includes(String(settings.rope_type ?? type)))
      read.refuse("rope_scaling", "default or longrope");
    return readRotary(settings, {
      headSize,
      maxPositions,
      theta: read.number("rope_theta", 10000),
      share: read.number("partial_rotary_factor", 1),
      isPartial: true,
      original: read.size("original_max_position_embeddings"),
    });
  };
}
