import type { CheckpointNames } from "../family.ts";

/** The first files call the table of words `embedding`. */
export const mambaCheckpoint: CheckpointNames = {
  prefix: "backbone.",
  otherNames: (path) => (path === "backbone.embeddings.weight" ? ["backbone.embedding.weight"] : []),
  ignored: /^$/,
};
