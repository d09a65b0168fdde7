import type { Command } from "commander";
import { LecternError, suggestion } from "../common/index.ts";
import { bytesText } from "./download-progress.ts";
import { type CommonFlags, printJson, type Terminal } from "./terminal.ts";

interface RemoveFlags extends CommonFlags {
  readonly revision?: string;
}

/** `lectern remove NAME` */
export function removeCommand(command: Command, terminal: Terminal): Command {
  return command
    .argument("<name>", "owner/name of a cached model")
    .option("--revision <name>", "a branch, a tag or a commit; what other revisions use stays")
    .action(async (name: string, flags: RemoveFlags) => {
      const { bytes, revision } = await remove(name, flags, terminal);
      if (flags.json) printJson(terminal, { model: name, revision: revision ?? null, freedBytes: bytes });
      else terminal.stdout.write(`${name} is removed: ${bytesText(bytes)} are free\n`);
    });
}

async function remove(
  name: string,
  flags: RemoveFlags,
  terminal: Terminal,
): Promise<{ bytes: number; revision: string | undefined }> {
  const { parseHubId } = await import("../formats/hub/node.ts");
  const { cachedModels, removeCached } = await import("../formats/hub/node.ts");
  const { readSettings } = await import("../formats/hub/node.ts");
  const { shippedModel } = await import("../formats/hub/node.ts");
  if (shippedModel(name) !== undefined)
    throw new LecternError("usage", `${name} is bundled with the package; only models in the Hub cache can be removed`);
  const { cacheDir } = readSettings({ env: terminal.env });
  const models = await cachedModels(cacheDir);
  const id = parseHubId(name);
  const model = models.find((model) => model.name === (id?.repository ?? name));
  if (!model || id?.file !== undefined || id?.quantization !== undefined) {
    const names = models.map((model) => model.name);
    const hint = names.length === 0 ? "; it is empty" : suggestion(name, names);
    throw new LecternError("usage", `the cache ${cacheDir} has no model ${name}${hint}`);
  }
  const revision = flags.revision ?? id?.revision;
  if (revision === undefined) return { bytes: await removeCached(cacheDir, model), revision };
  const found = model.revisions.find(({ commit, refs }) => commit === revision || refs.includes(revision));
  if (!found) {
    const known = model.revisions.map(({ commit, refs }) => refs.join(", ") || commit).join(", ");
    throw new LecternError("usage", `${model.name} has no revision ${revision} in the cache; it has ${known}`);
  }
  return { bytes: await removeCached(cacheDir, model, found.commit), revision };
}
