import type { CheckpointNames } from "../family.ts";

/** Files carry the causal masks of their layers as buffers. */
export const gptNeoCheckpoint: CheckpointNames = {
  prefix: "transformer.",
  ignored: /attn\.attention\.(bias|masked_bias)$/,
};
