/**
 * The layer rule: a file may import its own layer and those to its right, nothing else; and another layer only through
 * the `index.ts` of a folder, or its `node.ts` or `web.ts`, which hold the parts for one platform.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** From left to right; names in one entry may not import each other. */
export const LAYERS = [
  ["cli"],
  ["pipelines"],
  ["training"],
  ["evaluation"],
  ["inference"],
  ["generation"],
  ["families"],
  ["nn", "formats", "tokenizers"],
  ["runtime"],
  ["lowering"],
  ["passes"],
  ["autodiff"],
  ["graph"],
  ["tensor", "files", "templates"],
  ["common"],
];

const rank = new Map(LAYERS.flatMap((names, i) => names.map((name) => [name, i])));

/** The violations of one file, given its path below src and its text. */
export function violations(path, text) {
  const own = path.split(sep)[0];
  if (!rank.has(own)) return path.includes(sep) ? [`${path}: ${own} is not a layer`] : [];
  const found = [];
  for (const [, target] of text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]*)"/g)) {
    const layer = relative(".", join(path, "..", target)).split(sep)[0];
    if (layer === own || !rank.has(layer)) continue;
    if (!/(^|[\\/])(index|node|web)\.ts$/.test(target)) found.push(`${path}: import ${target} through its index.ts`);
    if (rank.get(layer) <= rank.get(own)) found.push(`${path}: ${own} may not import ${layer} (${target})`);
  }
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = readdirSync("src", { recursive: true }).filter(
    (path) => path.endsWith(".ts") && !path.endsWith(".test.ts"),
  );
  const found = files.flatMap((path) => violations(path, readFileSync(join("src", path), "utf8")));
  for (const line of found) console.error(line);
  console.log(`layers: ${files.length} files, ${found.length} violations`);
  process.exitCode = found.length > 0 ? 1 : 0;
}
