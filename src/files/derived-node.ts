import { createHash } from "node:crypto";
import { mkdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { LecternError } from "../common/index.ts";
import type { DerivedFile } from "./file-source.ts";
import { writeByPart } from "./part-files.ts";

/** The folder of derived weights: below `LECTERN_CACHE`, else below the user's cache folder. */
export function derivedFolder(
  { LECTERN_CACHE: own, XDG_CACHE_HOME: shared }: Readonly<Record<string, string | undefined>> = process.env,
): string {
  return join(own || join(shared || join(homedir(), ".cache"), "lectern"), "derived");
}

/** Writes what was made of a file once; it is found again as long as the file is the same. */
export async function derivedFile({ source, besides = [], recipe, size, pieces }: DerivedFile): Promise<string> {
  const state = async (path: string): Promise<string[]> => {
    const { mtimeNs, size: length } = await stat(path, { bigint: true });
    return [path, String(mtimeNs), String(length)];
  };
  const others = await Promise.all(besides.map(state));
  const identity = JSON.stringify([...(await state(source)), recipe, size, ...others.flat()]);
  const folder = derivedFolder();
  const path = join(folder, `${createHash("sha256").update(identity).digest("hex").slice(0, 32)}.bin`);
  if ((await stat(path).catch(() => undefined))?.size === size) return path;
  await mkdir(folder, { recursive: true }).catch((cause) => fail(folder, size, cause));
  try {
    await writeByPart(path, pieces());
  } catch (cause) {
    if (cause instanceof LecternError) throw cause;
    fail(folder, size, cause);
  }
  return path;
}

function fail(folder: string, size: number, cause: unknown): never {
  throw new LecternError(
    "file",
    `derived weights (${Math.ceil(size / 2 ** 20)} MiB) cannot be written to ${folder}: ${(cause as Error).message}; make room, or set LECTERN_CACHE to another folder`,
    { cause },
  );
}
