import type { ConfigReader } from "../config-reader.ts";
import { isSliding, type LlamaConfig, parseLlamaConfig, withLayers } from "../llama/config.ts";

/** SmolLM3 is LLaMA in which some layers know no positions (Bakouch et al., 2025). */
export function parseSmolLm3Config(read: ConfigReader): LlamaConfig {
  const base = parseLlamaConfig(read, { ropeTheta: 2e6, numKeyValueHeads: 4, tieWordEmbeddings: true });
  const every = read.size("no_rope_layer_interval", 4);
  const placed = read.numbers("no_rope_layers"); // 1: this layer has positions
  const windowed = read.boolean("use_sliding_window", false);
  const window = windowed ? read.size("sliding_window", 4096) : undefined;
  return withLayers(base, ({ rotary }, i) => {
    const hasPositions = placed ? placed[i] !== 0 : (i + 1) % every !== 0;
    return {
      rotary: hasPositions ? rotary : undefined,
      window: windowed && isSliding(read, i, () => hasPositions) ? window : undefined,
    };
  });
}
