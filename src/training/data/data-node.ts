import { readdir } from "node:fs/promises";
import { LecternError } from "../../common/index.ts";

export { tableRows } from "./table-rows-node.ts";
export { textPieces } from "./text-pieces-node.ts";

/** The names of the files in a folder. */
export async function namesIn(folder: string, _wanted: string): Promise<readonly string[]> {
  return readdir(folder).catch((cause) => {
    throw new LecternError("file", `there is no directory ${folder}`, { cause });
  });
}
