import { throwIfAborted } from "../common/index.ts";
import type { FileSource } from "../files/index.ts";

/** Files that are read no further once a signal has fired. */
export function interruptible(files: FileSource, signal: AbortSignal | undefined): FileSource {
  if (!signal) return files;
  const unlessAborted = <A extends unknown[], R>(read: (...given: A) => Promise<R>) => {
    return async (...given: A): Promise<R> => {
      throwIfAborted(signal);
      return read(...given);
    };
  };
  return {
    location: files.location,
    list: unlessAborted(() => files.list()),
    has: unlessAborted((name) => files.has(name)),
    size: unlessAborted((name) => files.size(name)),
    readText: unlessAborted((name) => files.readText(name)),
    readBytes: unlessAborted((name, start, length) => files.readBytes(name, start, length)),
    resolve: (name) => files.resolve(name),
  };
}
