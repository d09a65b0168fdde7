import type { CheckpointNames } from "../family.ts";

/**
 * Older LLaMA files carry the rotary frequencies as buffers, which follow from the config; files for question answering
 * begin with `transformer.`.
 */
export const llamaCheckpoint: CheckpointNames = {
  prefix: "model.",
  otherNames: (path) => (path.startsWith("model.") ? [path.replace("model.", "transformer.")] : []),
  ignored: /rotary_emb\.inv_freq$/,
};

/** Files whose layers that guess further tokens are not read. */
export const withoutGuesses: CheckpointNames = { ...llamaCheckpoint, ignored: /rotary_emb\.inv_freq$|^mtp\./ };
