import { check, checkValue, rules } from "../common/index.ts";
import { type FileSource, openFiles } from "../files/index.ts";
import { GgufFiles } from "./gguf/files.ts";
import { firstPart } from "./gguf/parts.ts";
import { interruptible } from "./interruptible.ts";

/** A folder, if any, and a file of it that ends in `.gguf`. */
const GGUF_FILE = /^(.*?)([^/\\]+\.gguf)$/i;

/**
 * Opens what holds a model: a Hugging Face directory, or a GGUF file, which then reads like one. A directory without
 * safetensors and with one GGUF file stands for that file.
 * @param signal cancels what is read, with code `abort`
 */
export async function openDirectory(location: string, signal?: AbortSignal): Promise<FileSource> {
  checkValue("openFiles: the location", location, rules.name);
  const open = async (folder: string): Promise<FileSource> => interruptible(await openFiles(folder), signal);
  const [, folder, file] = GGUF_FILE.exec(location) ?? [];
  if (folder !== undefined && file !== undefined) return GgufFiles.open(await open(folder || "."), file);
  const files = await open(location);
  const names = await files.list();
  const candidates = names.filter((name) => GGUF_FILE.test(name));
  if (candidates.length === 0 || names.some((name) => /\.safetensors(\.index\.json)?$/.test(name))) return files;
  const chosen = candidates.length === 1 ? candidates[0] : firstPart(candidates);
  check(
    chosen !== undefined,
    "usage",
    () => `${location} has several GGUF files, and one must be chosen: ${candidates.join(", ")}`,
  );
  return GgufFiles.open(files, chosen);
}
