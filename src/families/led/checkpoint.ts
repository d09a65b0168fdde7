import { bartCheckpoint } from "../bart/checkpoint.ts";
import { withGlobal } from "../longformer/checkpoint.ts";

export const ledCheckpoint = withGlobal({ ...bartCheckpoint, prefix: "led." });
