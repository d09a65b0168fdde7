import type { Command } from "commander";
import { cachedModels } from "../formats/hub/scan.ts";
import { readSettings } from "../formats/hub/settings.ts";
import { shippedModel, shippedModels } from "../formats/hub/shipped-node.ts";
import { openFiles } from "../runtime/index.ts";
import { bytesText } from "./download-progress.ts";
import { bytesOf } from "./show.ts";
import { type CommonFlags, printJson, type Terminal } from "./terminal.ts";

/** `lectern list` */
export function listCommand(root: Command, terminal: Terminal): Command {
  return root
    .command("list")
    .description("List the models that ship with the package, and those of the hub's cache.")
    .action(async (flags: CommonFlags) => {
      const models = [...(await shipped()), ...(await cached(terminal))];
      if (flags.json) return printJson(terminal, { models });
      for (const { name, source, bytes, revisions } of models) {
        const names = revisions.map(({ commit, refs }) => refs.join(", ") || commit.slice(0, 12));
        if (source === "cached" && names.length === 0) names.push("nothing whole yet");
        terminal.stdout.write(`${[name, source, bytesText(bytes), ...names].join("\t")}\n`);
      }
    });
}

interface Listed {
  readonly name: string;
  readonly source: "shipped" | "cached";
  readonly path: string;
  readonly bytes: number;
  readonly revisions: readonly { readonly commit: string; readonly refs: readonly string[]; readonly path: string }[];
}

async function shipped(): Promise<Listed[]> {
  const all = shippedModels().map(async (name): Promise<Listed> => {
    const path = shippedModel(name) as string;
    return { name, source: "shipped", path, bytes: await bytesOf(await openFiles(path)), revisions: [] };
  });
  return Promise.all(all);
}

async function cached({ env }: Terminal): Promise<Listed[]> {
  const models = await cachedModels(readSettings({ env }).cacheDir);
  return models.map(({ name, path, bytes, revisions }) => ({ name, source: "cached", path, bytes, revisions }));
}
