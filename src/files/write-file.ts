import { constants, existsSync, realpathSync } from "node:fs";
import { access, appendFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { check, LecternError } from "../common/index.ts";
import { makeFolder } from "./make-folder.ts";
import { writeByPart } from "./part-files.ts";

/** Fails where a directory cannot be made or written, so that long work does not end there; makes nothing. */
export async function checkWritable(directory: string): Promise<void> {
  let at = resolve(directory);
  let found = await stat(at).catch(() => undefined);
  while (!found && dirname(at) !== at) {
    at = dirname(at);
    found = await stat(at).catch(() => undefined);
  }
  check(
    found?.isDirectory(),
    "file",
    () => `${directory} cannot be written: ${at} is a file; choose another directory`,
  );
  await access(at, constants.W_OK).catch((cause) => {
    throw new LecternError(
      "file",
      `${directory} cannot be written: ${(cause as Error).message}; choose another directory`,
      { cause },
    );
  });
}

/** True if two paths are one directory that is there. */
export function isSameDirectory(one: string, other: string): boolean {
  return existsSync(one) && existsSync(other) && realpathSync(one) === realpathSync(other);
}

/** Makes a directory where there is none. */
export async function makeDirectory(path: string): Promise<void> {
  await makeFolder(path).catch((cause) => {
    throw new LecternError("file", `${path} cannot be made: ${(cause as Error).message}; choose another directory`, {
      cause,
    });
  });
}

/** Writes at the end of a file. */
export async function appendToFile(path: string, data: string | Uint8Array): Promise<void> {
  await appendFile(path, data).catch((cause) => {
    throw new LecternError("file", `${path} cannot be written: ${(cause as Error).message}`, { cause });
  });
}

/** Writes a file whole or not at all: beside its place first, then renamed. A full disk leaves the old file as it was. */
export async function writeFileAtomic(
  path: string,
  chunks: readonly Uint8Array[] | AsyncIterable<Uint8Array> | string,
): Promise<void> {
  const pieces = typeof chunks === "string" ? [new TextEncoder().encode(chunks)] : chunks;
  try {
    await writeByPart(path, pieces);
  } catch (cause) {
    if (cause instanceof LecternError) throw cause; // of what was to be written
    throw new LecternError(
      "file",
      `${path} cannot be written: ${(cause as Error).message}; what was there is unchanged`,
      { cause },
    );
  }
}
