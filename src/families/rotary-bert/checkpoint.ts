import type { CheckpointNames } from "../family.ts";

/** Files carry copies of tied weights and a pooler that the head may not use; a bare encoder leaves out the prefix. */
export const rotaryBertCheckpoint = (root: string): CheckpointNames => ({
  prefix: `${root}.`,
  ignored: /(^|\.)(position_ids|pooler\.dense\.(weight|bias)|decoder\.(weight|bias)|(lm_head|predictions)\.bias)$/,
});
