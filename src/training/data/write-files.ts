import { checkWritable, joinPath, makeDirectory, writeFileAtomic } from "../../files/index.ts";

/**
 * Writes files into a directory, such as the texts and the tokenizer that a page trains with: in a page, locations that
 * begin with `memory:` are directories in its memory.
 * @param files contents by name; a name may have folders, as in `texts/one.txt`
 */
export async function writeFiles(
  directory: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  await checkWritable(directory);
  for (const [name, content] of Object.entries(files)) {
    const path = joinPath(directory, name);
    await makeDirectory(joinPath(path, ".."));
    await writeFileAtomic(path, typeof content === "string" ? content : [content]);
  }
}
