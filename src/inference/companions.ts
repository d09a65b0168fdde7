import { isSameDirectory, joinPath, makeDirectory, writeFileAtomic } from "../files/index.ts";
import { openDirectory } from "../formats/index.ts";
import { sentenceFiles } from "./sentence-modules.ts";

/** The files of a model beside its weights and its config. */
const companions = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "generation_config.json",
  "vocab.txt",
  "vocab.json",
  "merges.txt",
  "added_tokens.json",
  "spiece.model",
  "tokenizer.model",
  "sentencepiece.bpe.model",
  "sentencepiece.model",
  "spm.model",
  "source.spm",
  "target.spm",
  "chat_template.jinja",
];

/**
 * Copies what belongs to a model beside its weights and its config.
 * @param others the names of further files that are copied where they are there
 */
export async function copyCompanions(tokenizer: string, out: string, others: readonly string[] = []): Promise<void> {
  if (isSameDirectory(tokenizer, out)) return;
  const files = await openDirectory(tokenizer);
  for (const name of [...companions, ...others, ...(await sentenceFiles(files))]) {
    if (!(await files.has(name))) continue;
    await makeDirectory(joinPath(out, name, ".."));
    await writeFileAtomic(joinPath(out, name), [await files.readBytes(name)]);
  }
}
