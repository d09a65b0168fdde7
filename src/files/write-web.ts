import { joinBytes } from "../common/index.ts";
import { checkInMemory, fileInMemory, isInMemory, writeMemory } from "./memory-web.ts";

/** Refuses a directory that a page cannot write. */
export async function checkWritable(directory: string): Promise<void> {
  checkInMemory(directory);
}

/** Does nothing but refuse what a page cannot write: memory has no directories to make. */
export async function makeDirectory(path: string): Promise<void> {
  checkInMemory(path);
}

/** Does nothing: a page leaves no unfinished files. */
export async function removeDeadParts(_directory: string): Promise<void> {}

const sameForm = (location: string): string =>
  isInMemory(location) ? location.replace(/\/+$/, "") : new URL(`${location}/`, globalThis.location.href).href;

/** True if two locations are one. */
export function isSameDirectory(one: string, other: string): boolean {
  return sameForm(one) === sameForm(other);
}

/** The address of a location. */
export function absoluteLocation(location: string): string {
  return isInMemory(location) ? location : new URL(location, globalThis.location.href).href;
}

/** A path of its parts, of which "." is none. */
export function joinPath(...parts: readonly string[]): string {
  const used = parts.filter((part) => part !== "" && part !== ".");
  return used.map((part, i) => (i === used.length - 1 ? part : part.replace(/\/+$/, ""))).join("/") || ".";
}

/** Writes a file whole. */
export async function writeFileAtomic(
  path: string,
  chunks: readonly Uint8Array[] | AsyncIterable<Uint8Array> | string,
): Promise<void> {
  const pieces: Uint8Array[] = [];
  if (typeof chunks === "string") pieces.push(new TextEncoder().encode(chunks));
  else for await (const piece of chunks) pieces.push(piece);
  writeMemory(path, joinBytes(pieces));
}

/** Writes at the end of a file. */
export async function appendToFile(path: string, data: string | Uint8Array): Promise<void> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  writeMemory(path, joinBytes([fileInMemory(path) ?? new Uint8Array(), bytes]));
}

const held = new Set<string>();

/** Does something unless this page is at it. @param path of the lock */
export async function withOnlyLock<T>(
  path: string,
  refusal: (pid: undefined) => Error,
  work: () => Promise<T>,
): Promise<T> {
  if (held.has(path)) throw refusal(undefined);
  held.add(path);
  try {
    return await work();
  } finally {
    held.delete(path);
  }
}
