import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Marks a run whose folder is there: each project of it sets up once more. */
const MARK = "LECTERN_TEMPORARY_FILES";

/**
 * Gives the tests, and the processes that they start, a folder for temporary files that goes away with the run. Its name
 * is short: a browser keeps a socket below it, whose path has 107 bytes at most.
 */
export default function setup(): (() => void) | undefined {
  if (process.env[MARK]) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "lectern-"));
  Object.assign(process.env, { [MARK]: folder, TMPDIR: folder });
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
