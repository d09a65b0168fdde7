import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Gives the tests, and the processes that they start, a folder for temporary files that goes away with the run. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "lectern-tests-"));
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
