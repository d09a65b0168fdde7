import { readdir, readFile } from "node:fs/promises";

/** The most threads that a model can be loaded with. */
export const MOST_THREADS = 64;

const PROCESSORS = "/sys/devices/system/cpu";

/**
 * The number of cores that compute at once: on Linux, processors that share a core count once, as the engine counts them.
 *
 * @param processors the number of processors that the process may use
 */
export async function coreCount(processors: number): Promise<number> {
  try {
    const names = (await readdir(PROCESSORS)).filter((name) => /^cpu\d+$/.test(name));
    const shared = names.map((name) => readFile(`${PROCESSORS}/${name}/topology/thread_siblings_list`, "utf8"));
    const cores = new Set(await Promise.all(shared)).size;
    return cores === 0 ? processors : Math.min(cores, processors);
  } catch {
    return processors; // another system, or one that hides its topology
  }
}
