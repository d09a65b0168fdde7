import { existsSync } from "node:fs";
import { isAbsolute } from "node:path";
import { check, LecternError } from "../../common/index.ts";
import { HubFailure } from "./failure.ts";
import { parseHubId } from "./hub-id.ts";
import type { LocateOptions } from "./options.ts";
import { shippedModel, shippedModels } from "./shipped-node.ts";

/**
 * The location of a model on this machine: an existing path, a bundled model's name, or a Hub model, which is
 * downloaded where the cache does not have it.
 *
 * @param name a path, a bundled model's name, `owner/name`, `owner/name@revision`, `owner/name/file.gguf` or
 * `owner/name:Q4_0`
 * @throws code `file` for what is nowhere, `hub` where the hub does not give it, `unsupported` for pickled weights
 */
export async function locateModel(name: string, options: LocateOptions = {}): Promise<string> {
  const here = existsSync(name) ? name : shippedModel(name);
  if (here !== undefined) {
    check(
      options.revision === undefined,
      "usage",
      () => `revision ${options.revision}: ${name} is on this machine and has no revisions; leave it out`,
    );
    return here;
  }
  const id = parseHubId(name);
  if (!id) throw new LecternError("file", notFound(name));
  check(
    options.revision === undefined || id.revision === undefined || options.revision === id.revision,
    "usage",
    () => `${name} names the revision ${id.revision}, and revision says ${options.revision}: give one`,
  );
  const { openSnapshot } = await import("./snapshot.ts"); // only a Hub model needs what it imports
  return openSnapshot(id, options).catch((error) => {
    const mayBeMistyped = error instanceof HubFailure && (error.kind === "repository" || error.kind === "unreachable");
    if (!mayBeMistyped) throw error;
    throw new HubFailure(error.kind, `${error.message}; nor is there a path ${name} here`, { cause: error });
  });
}

function notFound(name: string): string {
  const isPath = isAbsolute(name) || /^\.\.?([/\\]|$)/.test(name) || name.toLowerCase().endsWith(".gguf");
  if (isPath) return `there is no file or directory ${name}`;
  const bundled = shippedModels().join(", ");
  return `model not found: ${name} is not a directory, a bundled model (${bundled}) or a Hub id (owner/name); see \`lectern list\``;
}
