import type { CheckpointNames } from "../family.ts";

/** Older files carry the causal mask and the rotary frequencies as buffers, which are not weights. */
export const gptNeoXCheckpoint: CheckpointNames = {
  prefix: "gpt_neox.",
  ignored: /attention\.(bias|masked_bias|rotary_emb\.inv_freq)$/,
};
