import type { CheckpointNames } from "../family.ts";

/** Some files hold a share of the first layer's values for the first layer itself, which does not take one. */
export const rwkv7Checkpoint: CheckpointNames = {
  prefix: "model.",
  ignored: /(^|\.)layers\.0\.attn\.v_lora\./,
};
