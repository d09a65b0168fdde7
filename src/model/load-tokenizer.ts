import { type HubOptions, locateModel, openDirectory } from "../formats/index.ts";
import type { FileSource } from "../runtime/index.ts";
import { loadTokenizer as readTokenizer, type Tokenizer } from "../tokenizers/index.ts";

/**
 * Loads a model's tokenizer alone.
 *
 * @param source a directory, a shipped model's name, `owner/name` of the hub, or files that are open
 * @returns undefined where there is no tokenizer
 */
export async function loadTokenizer(
  source: string | FileSource,
  options: HubOptions = {},
): Promise<Tokenizer | undefined> {
  if (typeof source !== "string") return readTokenizer(source);
  return readTokenizer(await openDirectory(await locateModel(source, { ...options, need: "tokenizer" })));
}

/** The tokenizer of a directory's files; that of an adapter may leave it to its base. */
export async function tokenizerOf(files: FileSource, base: string | undefined): Promise<Tokenizer | undefined> {
  const own = await readTokenizer(files);
  return own ?? (base === undefined ? undefined : readTokenizer(await openDirectory(base)));
}
