import { bertCheckpoint } from "../bert/checkpoint.ts";
import type { CheckpointNames } from "../family.ts";

const relative = bertCheckpoint("longformer");

/** Files have projections of global tokens, whose use depends on the head. */
export const longformerCheckpoint: CheckpointNames = {
  ...relative,
  ignored: new RegExp(`${relative.ignored.source}|\\.(query|key|value)_global\\.(weight|bias)$`),
};
