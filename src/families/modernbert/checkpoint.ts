import type { CheckpointNames } from "../family.ts";

export const modernBertCheckpoint: CheckpointNames = { prefix: "model.", ignored: /^decoder\.weight$/ };
