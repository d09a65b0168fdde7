import { openFiles } from "../files/index.ts";
import { cachedModels, readSettings, shippedModel, shippedModels } from "../formats/hub/node.ts";
import { commercialUseOf, licenceOf, taskOf } from "../formats/index.ts";
import { bytesOf, readCard } from "./model-facts.ts";
import type { Terminal } from "./terminal.ts";

/** A model on this machine. */
export interface InstalledModel {
  readonly name: string;
  readonly source: "shipped" | "cached";
  readonly path: string;
  readonly bytes: number;
  /** The task that its card names, else the one that its head is for; null where neither says. */
  readonly task: string | null;
  readonly licence: string | null;
  /** A restriction of commercial use that the card states beside the licence. */
  readonly commercialUse: string | null;
  readonly revisions: readonly { readonly commit: string; readonly refs: readonly string[]; readonly path: string }[];
}

/** The shipped models, then those of the Hugging Face cache. */
export async function listModels({ env }: Terminal): Promise<InstalledModel[]> {
  const shipped = shippedModels().map(async (name): Promise<InstalledModel> => {
    const path = shippedModel(name) as string;
    const bytes = await bytesOf(await openFiles(path));
    return { name, source: "shipped", path, bytes, ...(await describe(path)), revisions: [] };
  });
  const models = await cachedModels(readSettings({ env }).cacheDir);
  const cached = models.map(async ({ name, path, bytes, revisions }): Promise<InstalledModel> => {
    const newest = revisions.find(({ refs }) => refs.includes("main")) ?? revisions[0];
    return { name, source: "cached", path, bytes, ...(await describe(newest?.path)), revisions };
  });
  return Promise.all([...shipped, ...cached]);
}

async function describe(path: string | undefined): Promise<Pick<InstalledModel, "task" | "licence" | "commercialUse">> {
  if (path === undefined) return { task: null, licence: null, commercialUse: null };
  const { card, config } = await readCard(path);
  return {
    task: taskOf(card, config) ?? null,
    licence: licenceOf(card) ?? null,
    commercialUse: commercialUseOf(card) ?? null,
  };
}
