import { LecternError } from "../common/index.ts";
import type { FileSource } from "./file-source.ts";

/** Locations that begin so are directories in the page's memory. */
const SCHEME = "memory:";

/** `lectern.js` and `training.js` are two bundles, and what one writes the other reads. */
const STORE: unique symbol = Symbol.for("lectern.memory");

type Files = Map<string, Uint8Array>;

function store(): Files {
  const shared = globalThis as { [STORE]?: Files };
  shared[STORE] ??= new Map();
  return shared[STORE];
}

/** True if a location is in the page's memory. */
export function isInMemory(location: string): boolean {
  return location.startsWith(SCHEME);
}

/** The bytes of a file, if it is there. */
export function fileInMemory(path: string): Uint8Array | undefined {
  return store().get(path);
}

/** The bytes of a file. */
export function readMemory(path: string): Uint8Array {
  const bytes = fileInMemory(path);
  if (!bytes) throw new LecternError("file", `there is no file ${path} in the page's memory`);
  return bytes;
}

/** Keeps the bytes of a file; refuses a path that a page cannot write. */
export function writeMemory(path: string, bytes: Uint8Array): void {
  checkInMemory(path);
  store().set(path, bytes);
}

/** Refuses a location that a page cannot write. */
export function checkInMemory(location: string): void {
  if (isInMemory(location)) return;
  throw new LecternError(
    "unsupported",
    `${location} cannot be written: a page writes into its memory alone; name a directory such as memory:my-model`,
  );
}

/** A location in memory without slashes at its end. */
const trimmed = (location: string): string => location.replace(/\/+$/, "");

/** The files of a location in memory, by their whole paths: those below a directory, or the one of this path. */
export function filesAt(location: string): Record<string, Uint8Array> {
  const base = `${trimmed(location)}/`;
  return Object.fromEntries([...store()].filter(([path]) => path.startsWith(base) || path === location));
}

/** The files of a directory in memory; one that nothing was written to is empty. */
export function openMemory(location: string): FileSource {
  const base = `${trimmed(location)}/`;
  const resolve = (name: string): string => (isInMemory(name) ? name : base + name);
  const read = (name: string): Uint8Array => readMemory(resolve(name));
  return {
    location,
    list: async () => {
      const names = [...store().keys()].filter((path) => path.startsWith(base)).map((path) => path.slice(base.length));
      return names.filter((name) => !name.includes("/"));
    },
    has: async (name) => store().has(resolve(name)),
    size: async (name) => read(name).length,
    readText: async (name) => new TextDecoder().decode(read(name)),
    readBytes: async (name, start = 0, length) =>
      read(name).slice(start, length === undefined ? undefined : start + length),
    resolve,
  };
}
