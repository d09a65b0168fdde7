import { cp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { check, LecternError } from "../common/index.ts";

/** Files of the page: from the package's `dist`. */
const ENGINE = ["lectern.js", "ort-wasm-simd-threaded.wasm"];

/** A written page. */
export interface StaticSite {
  /** Paths below the folder. */
  readonly files: readonly string[];
  readonly bytes: number;
}

/**
 * Writes the studio's page with one model as plain files for any static host.
 *
 * @param model a directory with config.json and safetensors, all of which is copied
 * @throws LecternError where the model has no safetensors, or the package was not built
 */
export async function writeStaticSite(
  out: string,
  { packageRoot, model, name }: { readonly packageRoot: string; readonly model: string; readonly name: string },
): Promise<StaticSite> {
  const hasWeights = (await readdir(model)).some((file) => file.endsWith(".safetensors"));
  check(hasWeights, "unsupported", () => `deploy: a page reads safetensors, and ${model} has none: deploy a directory`);
  const dist = join(packageRoot, "dist");
  await cp(join(dist, "page"), out, { recursive: true }).catch((cause: Error) => {
    throw new LecternError("file", `deploy: the page cannot be copied: ${cause.message}`, { cause });
  });
  for (const file of ENGINE) await cp(join(dist, "web", file), join(out, file));
  const place = join(out, "models", name);
  await rm(join(out, "models"), { recursive: true, force: true });
  await cp(model, place, { recursive: true, dereference: true });
  await writeFile(join(out, "models.json"), `${JSON.stringify([{ name, url: `models/${name}` }], null, 2)}\n`);
  return measured(out);
}

async function measured(out: string): Promise<StaticSite> {
  const files: string[] = [];
  let bytes = 0;
  for (const path of await readdir(out, { recursive: true })) {
    const found = await stat(join(out, path));
    if (!found.isFile()) continue;
    files.push(path);
    bytes += found.size;
  }
  const listed = JSON.parse(await readFile(join(out, "models.json"), "utf8")) as { url: string }[];
  for (const { url } of listed)
    check(files.includes(join(url, "config.json")), "file", () => `deploy: ${url} lacks config.json`);
  return { files: files.sort(), bytes };
}
