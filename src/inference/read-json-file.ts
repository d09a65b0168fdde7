import { parseJsonObject } from "../common/index.ts";
import type { FileSource } from "../files/index.ts";

/** A JSON object of the directory; damaged ones are named. */
export async function readJsonFile(files: FileSource, name: string): Promise<Record<string, unknown>> {
  return parseJsonObject(await files.readText(name), `${files.location}: ${name}`);
}
