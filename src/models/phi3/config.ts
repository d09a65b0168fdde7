import type { ConfigReader } from "../config-reader.ts";
import { type LlamaConfig, parseLlamaConfig, withLayers } from "../llama/config.ts";

/** Phi-3 is LLaMA with fused projections, and a window where the config has one (Abdin et al., 2024). */
export function parsePhi3Config(read: ConfigReader): LlamaConfig {
  const base = parseLlamaConfig(read, { rmsNormEps: 1e-5, maxPositionEmbeddings: 4096 });
  const window = read.json.sliding_window == null ? undefined : read.size("sliding_window");
  return {
    ...withLayers(base, () => ({ window })),
    fusedProjections: true,
    residualDropout: read.number("resid_pdrop", 0),
  };
}
