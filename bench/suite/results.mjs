/** The file of a machine's results, which every measurement is written into as soon as it is made. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

const none = () => ({ probe: {}, samples: {} });

/** The name of a machine's file. */
export const fileOf = ({ processor, cores, flags }) =>
  `${processor} ${cores} cores ${flags.includes("avx512f") ? "avx512" : ""}`
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-");

/** Opens the results of a machine, and what is known so far of them. */
export async function openResults(folder, machine, versions) {
  const path = join(folder, `${fileOf(machine)}.json`);
  const text = await readFile(path, "utf8").catch(() => undefined);
  const all = { ...(text ? JSON.parse(text) : { cases: {} }), machine, versions };
  const save = async () => {
    await writeFile(`${path}.part`, `${JSON.stringify(all, null, 2)}\n`);
    await rename(`${path}.part`, path);
  };
  return {
    all,
    of: (id) => all.cases[id] ?? none(),
    async add(id, key, metrics, isProbe) {
      const own = (all.cases[id] ??= none());
      const rounded = Object.fromEntries(Object.entries(metrics).map(([name, x]) => [name, Number(x.toPrecision(5))]));
      if (isProbe) own.probe[key] = rounded;
      else (own.samples[key] ??= []).push(rounded);
      all.date = new Date().toISOString().slice(0, 10);
      await save();
    },
    async forget(ids) {
      for (const id of ids) delete all.cases[id];
      await save();
    },
  };
}
