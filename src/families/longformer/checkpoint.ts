import { bertCheckpoint } from "../bert/checkpoint.ts";
import type { CheckpointNames } from "../family.ts";

const globalProjections = /\.(query|key|value)_global\.(weight|bias)$/;

/** Files have projections of global tokens, whose use depends on the head and the caller. */
export const withGlobal = (names: CheckpointNames): CheckpointNames => ({
  ...names,
  ignored: new RegExp(`${names.ignored.source}|${globalProjections.source}`),
  kept: globalProjections,
});

export const longformerCheckpoint: CheckpointNames = withGlobal(bertCheckpoint("longformer"));
