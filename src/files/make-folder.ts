import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/**
 * Makes a folder and those above it that are missing. Node's own recursive mkdir tries for ever below folders such as
 * /proc, in which a new entry "does not exist".
 */
export async function makeFolder(path: string): Promise<void> {
  const whole = resolve(path);
  const found = await stat(whole).catch((error: NodeJS.ErrnoException) => error.code);
  if (typeof found === "object" && found.isDirectory()) return;
  if (found === "ENOENT" && dirname(whole) !== whole) await makeFolder(dirname(whole));
  await mkdir(whole).catch(async (error: NodeJS.ErrnoException) => {
    const isMade = error.code === "EEXIST" && (await stat(whole)).isDirectory(); // by another process, in the meantime
    if (!isMade) throw error;
  });
}
