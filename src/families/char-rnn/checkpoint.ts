import type { CheckpointNames } from "../family.ts";

export const charRnnCheckpoint: CheckpointNames = {
  prefix: "model.",
  ignored: /^$/,
  /** As in torch: nothing normalises an embedding on its way into the cells. One that is the head too begins small. */
  initStd: (path, config) => (path === "embedding.weight" && !config.tieWordEmbeddings ? 1 : undefined),
};
