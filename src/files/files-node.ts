import { existsSync } from "node:fs";
import { open, readdir, readFile, realpath, stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { LecternError } from "../common/index.ts";
import type { FileSource } from "./file-source.ts";

export { join as joinPath } from "node:path";
export { derivedFile } from "./derived-node.ts";
export { withOnlyLock } from "./lock.ts";
export { removeDeadParts } from "./part-files.ts";
export { appendToFile, checkWritable, isSameDirectory, makeDirectory, writeFileAtomic } from "./write-file.ts";

/** The error codes of absent files; a file that may not be read is not absent. */
const ABSENT: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG", "ERR_INVALID_ARG_VALUE"]);

/** The longest text that is read whole: tokenizers take some tens of megabytes. */
const LONGEST_TEXT = 2 ** 28;

/** Node ends the process where more than 2 GiB are read at once. */
const LARGEST_READ = 2 ** 30;

/** Refuses what is no plain file: a pipe would wait for its other end, and a device need not end. */
async function checkPlain(path: string, name: string): Promise<void> {
  const found = await stat(path).catch(unreadable(name));
  if (found.isFile()) return;
  const kind = found.isDirectory() ? "a directory" : found.isFIFO() ? "a pipe" : "a device or socket";
  throw new LecternError("file", `${name} must be a file; got ${kind}; check the path ${path}`);
}

function unreadable(name: string): (cause: Error) => never {
  return (cause) => {
    throw new LecternError("file", `${name} cannot be read: ${cause.message}`, { cause });
  };
}

/** A file of UTF-8; a byte-order mark stays, since a vocabulary may begin with one. */
async function readWhole(path: string, name: string): Promise<string> {
  const { size } = await stat(path).catch(unreadable(name));
  if (size > LONGEST_TEXT)
    throw new LecternError("file", `${name} must have at most ${LONGEST_TEXT} bytes; got ${size}; damaged`);
  const bytes = await readFile(path).catch(unreadable(name));
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new LecternError("file", `${name} must be text in UTF-8; got other bytes: damaged`, { cause });
  }
}

/** The absolute path of what is there; a name of anything else stays as it is. */
export function absoluteLocation(location: string): string {
  return existsSync(location) ? resolve(location) : location;
}

/** The files of a directory on disk. */
export async function openFiles(location: string): Promise<FileSource> {
  const folder = await realpath(location).catch((cause) => {
    throw new LecternError("file", `there is no directory ${location}`, { cause });
  });
  if (!(await stat(folder)).isDirectory()) throw new LecternError("file", `${location} is not a directory`);
  const paths = new Map<string, string>();
  const path = async (name: string): Promise<string> => {
    const known = paths.get(name);
    if (known !== undefined) return known;
    const real = await realpath(isAbsolute(name) ? name : join(folder, name)).catch((cause) => {
      throw new LecternError("file", `${location} has no file ${name}`, { cause });
    });
    await checkPlain(real, name);
    paths.set(name, real);
    return real;
  };
  return {
    location,
    list: () => readdir(folder),
    has: (name) =>
      stat(join(folder, name)).then(
        () => true,
        (error: NodeJS.ErrnoException) => !ABSENT.has(error.code ?? ""),
      ),
    size: async (name) => (await stat(await path(name)).catch(unreadable(name))).size,
    readText: async (name) => readWhole(await path(name), name),
    async readBytes(name, start = 0, length) {
      const handle = await open(await path(name)).catch(unreadable(name));
      try {
        const bytes = new Uint8Array(length ?? (await handle.stat()).size - start);
        let filled = 0;
        while (filled < bytes.length) {
          const { bytesRead } = await handle
            .read(bytes, filled, Math.min(bytes.length - filled, LARGEST_READ), start + filled)
            .catch(unreadable(name));
          if (bytesRead === 0)
            throw new LecternError("file", `${name} ends at byte ${start + filled}; expected ${start + bytes.length}`);
          filled += bytesRead;
        }
        return bytes;
      } finally {
        await handle.close();
      }
    },
    resolve(name) {
      const known = paths.get(name);
      if (known === undefined) throw new LecternError("file", `${name} was not opened before it was used`);
      return known;
    },
  };
}
