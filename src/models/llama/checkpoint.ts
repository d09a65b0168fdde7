import type { CheckpointNames } from "../family.ts";

/** Older LLaMA files carry the rotary frequencies as buffers, which follow from the config. */
export const llamaCheckpoint: CheckpointNames = {
  prefix: "model.",
  ignored: /rotary_emb\.inv_freq$/,
};
