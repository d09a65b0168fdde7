import type { FamilyCheckpoint } from "../family.ts";
import type { CharRnnConfig } from "./config.ts";

export const charRnnCheckpoint: FamilyCheckpoint<CharRnnConfig> = {
  prefix: "model.",
  ignored: /^$/,
  /** As in torch: nothing normalises an embedding on its way into the cells. One that is the head too begins small. */
  initStd: (path, config) => (path === "embedding.weight" && !config.tieWordEmbeddings ? 1 : undefined),
};
