import type { CheckpointNames } from "../family.ts";
import { llamaCheckpoint } from "../llama/checkpoint.ts";

/** The bias that balances the choice of experts follows rules of its own in training, not gradients. */
export const balancedCheckpoint: CheckpointNames = { ...llamaCheckpoint, buffers: /\.e_score_correction_bias$/ };
