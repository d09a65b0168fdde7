import type { CheckpointNames } from "../family.ts";

/**
 * Files carry buffers (`position_ids`), copies of tied weights (`…decoder.weight`), a pooler that the head may not
 * use, and the second head of BERT's pre-training (`cls.seq_relationship`); a bare encoder leaves out the prefix.
 */
export const bertCheckpoint = (root: string): CheckpointNames => ({
  prefix: `${root}.`,
  ignored:
    /(^|\.)(position_ids|token_type_ids|pooler\.(dense\.)?(weight|bias)|(decoder|vocab_projector|generator_lm_head)\.(weight|bias)|seq_relationship\.(weight|bias)|sop_classifier\.classifier\.(weight|bias)|(lm_head|predictions)\.bias)$/,
});
