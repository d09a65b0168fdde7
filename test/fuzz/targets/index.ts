import type { Mutator } from "../mutate.ts";
import type { TargetName } from "../protocol.ts";
import { adapters } from "./adapters.ts";
import { cli } from "./cli.ts";
import { config } from "./config.ts";
import { files } from "./files.ts";
import { generation } from "./generation.ts";
import { gguf } from "./gguf.ts";
import { library } from "./library.ts";
import { modules } from "./modules.ts";
import { chatTemplates } from "./templates.ts";
import { tokenizer } from "./tokenizer.ts";
import { recipes, tables } from "./training.ts";
import { weights } from "./weights.ts";

/** Makes an input and gives it to the product; `folder` is empty and this case's own. */
export type Target = (mutate: Mutator, folder: string) => Promise<unknown>;

export const targets: Readonly<Record<TargetName, Target>> = {
  config,
  weights,
  gguf,
  tokenizer,
  generation,
  adapters,
  recipes,
  tables,
  chatTemplates,
  modules,
  files,
  library,
  cli,
};
