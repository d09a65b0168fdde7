import type { CheckpointNames } from "../family.ts";

/** Files carry copies of the shared embedding, and a bias table in the decoder's cross attention that is never used. */
export const t5Checkpoint: CheckpointNames = {
  prefix: "transformer.",
  ignored:
    /^(encoder|decoder)\.embed_tokens\.weight$|EncDecAttention\.relative_attention_bias\.weight$|^lm_head\.weight$/,
};
