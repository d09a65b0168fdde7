import type { Terminal } from "./terminal.ts";

/**
 * Prints warnings of the library as the command line prints all it has to say; those of Node stay as they are. With
 * `--no-warnings` neither is printed.
 *
 * @returns what ends it
 */
export function showLibraryWarnings(terminal: Terminal): () => void {
  const others = process.listeners("warning");
  const show = (warning: Error): void => {
    if (warning.name === "LecternWarning") terminal.stderr.write(`lectern: ${warning.message}\n`);
    else for (const listener of others) listener(warning);
  };
  if (others.length === 0) return () => {};
  process.removeAllListeners("warning");
  process.on("warning", show);
  return () => {
    process.off("warning", show);
    for (const listener of others) process.on("warning", listener);
  };
}
