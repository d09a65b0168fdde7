/** Writes the studio as plain files with the bundled models: npm run build:site [FOLDER], default web/dist. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const FILES = ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];

/** The order of the page's list; the first is the one that it opens with. */
const FIRST = ["stories", "stories-gru", "sentiment", "masked", "translate"];

/** In the page as plain files, the library, which it runs itself, is fetched beside its script. */
const PRELOAD = '<link rel="modulepreload" href="lectern.js" />\n    ';

/** @returns the names of the models that were written */
export function writeSite(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "models"), { recursive: true });
  cpSync(join(root, "dist/page"), folder, { recursive: true });
  const index = join(folder, "index.html");
  writeFileSync(index, readFileSync(index, "utf8").replace("<script", `${PRELOAD}<script`));
  for (const name of ["lectern.js", "ort-wasm-simd-threaded.wasm"])
    cpSync(join(root, "dist/web", name), join(folder, name));
  const complete = readdirSync(join(root, "models")).filter((name) =>
    readdirSync(join(root, "models", name)).includes("model.safetensors"),
  );
  const names = [
    ...FIRST.filter((name) => complete.includes(name)),
    ...complete.filter((name) => !FIRST.includes(name)),
  ];
  for (const name of names) {
    mkdirSync(join(folder, "models", name));
    const present = new Set(readdirSync(join(root, "models", name)));
    for (const file of FILES.filter((each) => present.has(each)))
      cpSync(join(root, "models", name, file), join(folder, "models", name, file));
  }
  const entries = names.map((name) => ({ name, url: `models/${name}` }));
  if (names.includes("stories")) entries.push({ name: "stories (int4)", url: "models/stories", precision: "int4" });
  writeFileSync(join(folder, "models.json"), `${JSON.stringify(entries, null, 2)}\n`);
  return names;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2] ?? join(root, "web/dist");
  console.log(`${folder}: ${writeSite(folder).join(", ")}`);
}
