import { check, LecternError, throwIfAborted } from "../../common/index.ts";
import { isServed } from "../../files/web.ts";
import { parseHubId } from "./hub-id.ts";
import type { LocateOptions } from "./options.ts";

const ENDPOINT = "https://huggingface.co";

/** Refuses a function that a page has no means for. */
const NODE_ONLY = ["cacheDir", "offline", "onProgress"] as const;

/**
 * The address of a model's files: one relative to the page, or, for `owner/name` where the page's server has nothing
 * of that name, the hub's.
 */
export async function locateModel(name: string, options: LocateOptions = {}): Promise<string> {
  for (const option of NODE_ONLY)
    check(
      options[option] === undefined,
      "unsupported",
      () => `${option}: not in a page, where the browser fetches files`,
    );
  const id = /^([a-z]+:|[./])/i.test(name) ? undefined : parseHubId(name);
  if (!id || (options.revision === undefined && (await isModel(name, options.signal)))) {
    check(
      options.revision === undefined,
      "usage",
      () => `revision ${options.revision}: ${name} is an address and has no revisions; leave it out`,
    );
    return name;
  }
  if (id.file !== undefined || id.quantization !== undefined)
    throw new LecternError("unsupported", `${name}: a page reads owner/name from the hub, not single files`);
  const revision = options.revision ?? id.revision ?? "main";
  return `${ENDPOINT}/${id.repository}/resolve/${encodeURIComponent(revision)}/`;
}

/** True if the page's own server has a model of this name. */
async function isModel(name: string, signal: AbortSignal | undefined): Promise<boolean> {
  const has = async (file: string): Promise<boolean> => {
    const url = new URL(`${name.replace(/\/$/, "")}/${file}`, globalThis.location.href);
    const found = await isServed(url.href, signal).catch(() => false);
    throwIfAborted(signal);
    return found;
  };
  return (await has("config.json")) || has("adapter_config.json");
}
