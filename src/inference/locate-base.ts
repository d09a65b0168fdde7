import { check } from "../common/index.ts";
import type { FileSource } from "../files/index.ts";
import { type HubOptions, locateModel, openDirectory } from "../formats/index.ts";
import { readJsonFile } from "./read-json-file.ts";

/** Locates the base model of an adapter: beside the adapter, on this machine, or on the Hub. */
export async function locateBase(files: FileSource, hub: HubOptions = {}): Promise<string> {
  const { base_model_name_or_path: named, revision } = await readJsonFile(files, "adapter_config.json");
  check(typeof named === "string", "config", () => `${files.location}: adapter_config.json names no base model`);
  for (const place of [`${files.location}/${named}`, named]) {
    const found = await openDirectory(place).catch(() => undefined);
    if (await found?.has("config.json")) return place;
  }
  return locateModel(named, typeof revision === "string" ? { ...hub, revision } : hub);
}
