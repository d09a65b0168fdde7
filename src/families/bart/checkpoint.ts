import type { CheckpointNames } from "../family.ts";

/** Files carry copies of the shared embedding and, in families whose positions are waves, those waves. */
const copies = "(shared|(encoder|decoder)\\.embed_tokens)\\.weight|lm_head\\.weight|(encoder|decoder)\\.version";
const buffers = /^final_logits_bias$/;

export const bartCheckpoint: CheckpointNames = {
  prefix: "model.",
  ignored: new RegExp(`(^|\\.)(${copies}|final_logits_bias)$`),
  buffers,
};

/** Files of a decoder alone carry layers that would attend to an encoder. */
export const alone = (whole: CheckpointNames): CheckpointNames => ({
  ...whole,
  ignored: new RegExp(`${whole.ignored.source}|\\.encoder_attn(_layer_norm)?\\.|^(model\\.)?encoder\\.`),
});

export const waveCheckpoint: CheckpointNames = {
  prefix: "model.",
  ignored: new RegExp(`(^|\\.)(${copies}|final_logits_bias|(encoder|decoder)\\.embed_positions\\.weights?)$`),
  buffers: /^final_logits_bias$|\.embed_positions\.weight$/,
};
