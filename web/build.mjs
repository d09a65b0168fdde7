/** Builds the page into dist/page: one script, one style sheet, and the recorded first picture. */
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL("./", import.meta.url));
const out = fileURLToPath(new URL("../dist/page/", import.meta.url));

/** The measured recall by distance, which `bench/rnn-vs-transformer.mjs … report` writes; null until it has. */
const recall = fileURLToPath(new URL("../docs/rnn-vs-transformer/recall.json", import.meta.url));

/** The measured accuracy by examples and size, as docs/in-context-learning.md has it. */
const shots = fileURLToPath(new URL("../docs/in-context-learning/icl.json", import.meta.url));

export async function buildStudio() {
  mkdirSync(out, { recursive: true });
  await build({
    entryPoints: [join(here, "src/main.tsx")],
    outfile: join(out, "app.js"),
    bundle: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    jsx: "automatic",
    jsxImportSource: "preact",
    define: { RECALL: existsSync(recall) ? readFileSync(recall, "utf8") : "null", SHOTS: readFileSync(shots, "utf8") },
    minify: true,
    logLevel: "warning",
  });
  await build({
    entryPoints: [join(here, "style.css")],
    outfile: join(out, "style.css"),
    minify: true,
    logLevel: "warning",
  });
  for (const name of ["index.html", "frame.json", "run.json"]) copyFileSync(join(here, name), join(out, name));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildStudio();
