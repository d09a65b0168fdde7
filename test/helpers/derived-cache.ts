import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";

/**
 * Gives the tests of a file or of a group a cache of derived weights of their own.
 * @returns the path of the folder, once the tests run
 */
export function useOwnCache(): () => string {
  const before = process.env.LECTERN_CACHE;
  let cache = "";
  beforeAll(async () => {
    cache = await mkdtemp(join(tmpdir(), "lectern-"));
    process.env.LECTERN_CACHE = cache;
  });
  afterAll(async () => {
    if (before === undefined) delete process.env.LECTERN_CACHE;
    else process.env.LECTERN_CACHE = before;
    await rm(cache, { recursive: true });
  });
  return () => cache;
}
