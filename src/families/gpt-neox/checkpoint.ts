import type { CheckpointNames } from "../family.ts";

/** The head goes by either of two names. Older files carry the causal mask and the rotary frequencies as buffers, which are not weights. */
export const gptNeoXCheckpoint: CheckpointNames = {
  prefix: "gpt_neox.",
  otherNames: (path) => (path === "embed_out.weight" ? ["lm_head.weight"] : []),
  ignored: /attention\.(bias|masked_bias|rotary_emb\.inv_freq)$/,
};
