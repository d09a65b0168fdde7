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
  ["project", "deploy", "batch"],
  ["server"],
  ["studio", "feedback"],
  ["retrieval"],
  ["pipelines"],
  ["explain"],
  ["training"],
  ["evaluation"],
  ["prompting"],
  ["inference"],
  ["generation"],
  ["families"],
  ["nn", "formats", "tokenizers"],
  ["runtime"],
  ["lowering"],
  ["passes"],
  ["autodiff"],
  ["graph"],
  ["tensor", "files", "templates", "grammar"],
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

/** The files that are part of an import cycle, type imports left out, given the texts of all files by their paths below src. */
export function cycles(texts) {
  const imports = new Map(
    [...texts].map(([path, text]) => [
      path,
      [...text.matchAll(/^(?:import|export)(?! type\b)[^;]*?from\s+"(\.[^"]*)"/gm)].map(([, target]) =>
        join(path, "..", target),
      ),
    ]),
  );
  const reach = (from) => {
    const seen = new Set();
    const waiting = [...(imports.get(from) ?? [])];
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      if (seen.has(path)) continue;
      seen.add(path);
      waiting.push(...(imports.get(path) ?? []));
    }
    return seen;
  };
  const reached = new Map([...imports.keys()].map((path) => [path, reach(path)]));
  return [...reached].filter(([path, all]) => all.has(path)).map(([path]) => path);
}

/** Ops and the values that are made of them refer to each other. */
const MAY_CYCLE = /^graph[\\/]/;
const MOST_LINES = 400;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const paths = readdirSync("src", { recursive: true }).filter(
    (path) => path.endsWith(".ts") && !path.endsWith(".test.ts"),
  );
  const texts = new Map(paths.map((path) => [path, readFileSync(join("src", path), "utf8")]));
  const found = [
    ...[...texts].flatMap(([path, text]) => violations(path, text)),
    ...cycles(texts)
      .filter((path) => !MAY_CYCLE.test(path))
      .map((path) => `${path}: is part of an import cycle`),
    ...[...texts]
      .filter(([, text]) => text.split("\n").length > MOST_LINES)
      .map(([path]) => `${path}: has more than ${MOST_LINES} lines; look for its second idea`),
  ];
  for (const line of found) console.error(line);
  console.log(`layers: ${paths.length} files, ${found.length} violations`);
  process.exitCode = found.length > 0 ? 1 : 0;
}
