import type { CheckpointNames } from "../family.ts";

/**
 * The published GPT-2 files leave out the prefix `transformer.`, and older ones carry the causal mask as buffers
 * (`h.0.attn.bias`, `h.0.attn.masked_bias`), which are not weights.
 */
export const gpt2Checkpoint: CheckpointNames = {
  prefix: "transformer.",
  linearLayout: "in-out",
  ignored: /(^|\.)h\.\d+\.attn\.(bias|masked_bias)$/,
};
