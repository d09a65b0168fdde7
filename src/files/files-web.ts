import type { DerivedFile, FileSource } from "./file-source.ts";
import { isInMemory, openMemory, readMemory } from "./memory-web.ts";
import { fetchBytes, fetchSmall } from "./served-web.ts";

export {
  absoluteLocation,
  appendToFile,
  checkWritable,
  isSameDirectory,
  joinPath,
  makeDirectory,
  removeDeadParts,
  withOnlyLock,
  writeFileAtomic,
} from "./write-web.ts";

const files = new Map<string, Promise<Uint8Array>>();

/** The bytes of a file, fetched once, or as they are in memory. */
export async function fetchOnce(url: string): Promise<Uint8Array> {
  let bytes = files.get(url);
  if (!bytes) {
    if (isInMemory(url)) return readMemory(url);
    bytes = fetchBytes(url);
    files.set(url, bytes);
    bytes.catch(() => files.delete(url));
  }
  return bytes;
}

/** A file of no more bytes is kept where it is only asked for: who asks reads it next. */
const SMALL = 2 ** 24;

async function isThere(url: string): Promise<boolean> {
  if (files.has(url)) return true;
  const found = await fetchSmall(url, SMALL);
  if (typeof found === "boolean") return found;
  files.set(url, Promise.resolve(found));
  return true;
}

/** Keeps derived bytes in memory, as if they had been fetched. */
export async function derivedFile({ source, recipe, size, pieces }: DerivedFile): Promise<string> {
  const name = `${source}#${recipe}`;
  if (files.has(name)) return name;
  const bytes = new Uint8Array(size);
  let at = 0;
  for await (const piece of pieces()) {
    bytes.set(piece, at);
    at += piece.length;
  }
  files.set(name, Promise.resolve(bytes));
  return name;
}

/** The files below a URL, or in the page's memory. */
export async function openFiles(location: string): Promise<FileSource> {
  if (isInMemory(location)) return openMemory(location);
  const base = new URL(location.endsWith("/") ? location : `${location}/`, globalThis.location.href);
  const resolve = (name: string): string => new URL(name, base).href;
  return {
    location: base.href,
    list: async () => [],
    has: (name) => isThere(resolve(name)),
    size: async (name) => (await fetchOnce(resolve(name))).length,
    readText: async (name) => new TextDecoder().decode(await fetchOnce(resolve(name))),
    async readBytes(name, start = 0, length) {
      const bytes = await fetchOnce(resolve(name));
      return bytes.slice(start, length === undefined ? undefined : start + length);
    },
    resolve,
  };
}
