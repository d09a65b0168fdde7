import type { CheckpointNames } from "../family.ts";

/** Files carry the head of pre-training, of which the others know nothing, and copies of tied weights. */
export const debertaCheckpoint: CheckpointNames = {
  prefix: "deberta.",
  ignored:
    /(^|\.)(position_ids|encoder\.(LayerNorm\.(weight|bias)|rel_embeddings\.weight)|position_embeddings\.weight|pooler\.dense\.(weight|bias)|decoder\.(weight|bias)|predictions\.bias)$|^(lm_predictions|mask_predictions)\./,
};
