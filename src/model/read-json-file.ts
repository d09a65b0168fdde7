import { LecternError } from "../common/index.ts";
import type { FileSource } from "../runtime/index.ts";

/** A JSON object of the directory; damaged ones are named. */
export async function readJsonFile(files: FileSource, name: string): Promise<Record<string, unknown>> {
  const text = await files.readText(name);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new LecternError("file", `${files.location}: ${name} is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new LecternError("file", `${files.location}: ${name} must hold an object`);
  return value as Record<string, unknown>;
}
