import { CallerFunctions, isObject } from "../common/index.ts";
import type { FileSource } from "../files/index.ts";
import { type HubOptions, locateModel, openDirectory } from "../formats/index.ts";
import { loadTokenizer as readTokenizer, type Tokenizer } from "../tokenizers/index.ts";
import { checkTokenizerLoad } from "./door.ts";

/**
 * Loads a model's tokenizer alone.
 *
 * @param source a directory, a bundled model's name, `owner/name` on the Hub, or files that are open
 * @returns undefined where there is no tokenizer
 */
export async function loadTokenizer(
  source: string | FileSource,
  options: HubOptions = {},
): Promise<Tokenizer | undefined> {
  if (isFiles(source)) return readTokenizer(source);
  checkTokenizerLoad(source, options);
  const functions = new CallerFunctions(options.signal);
  const given = functions.guard(options);
  return functions.settle(
    (async () => readTokenizer(await openDirectory(await locateModel(source, { ...given, need: "tokenizer" }))))(),
  );
}

function isFiles(source: string | FileSource): source is FileSource {
  return isObject(source) && typeof source.readText === "function";
}

/** The tokenizer of a directory's files; that of an adapter may leave it to its base. */
export async function tokenizerOf(files: FileSource, base: string | undefined): Promise<Tokenizer | undefined> {
  const own = await readTokenizer(files);
  return own ?? (base === undefined ? undefined : readTokenizer(await openDirectory(base)));
}
