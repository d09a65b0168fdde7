/**
 * Compiles src to dist; bundles the command line and the worker, which start faster from few files, and the browser's
 * two single files, for models and for training, with ONNX Runtime's WebAssembly beside them.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { build } from "esbuild";
import { buildStudio } from "../web/build.mjs";

const { imports, dependencies, peerDependencies } = JSON.parse(readFileSync("package.json", "utf8"));

/**
 * Declarations that older TypeScript reads: without the type argument of typed arrays (5.7), and with Node's files in place
 * of `#` imports, which `moduleResolution: node10` does not resolve.
 */
function forOlderTypeScript(path) {
  const declarations = readFileSync(path, "utf8")
    .replace(/\b(\w+Array)<(?:ArrayBuffer|ArrayBufferLike|SharedArrayBuffer)>/g, "$1")
    .replace(/"(#\w+)"/g, (_, name) => {
      const target = relative(dirname(path), imports[name].default).replaceAll(sep, "/");
      return `"./${target.replace(/\.js$/, ".ts")}"`;
    });
  writeFileSync(path, declarations);
}

/** Modules of src do nothing by being imported, but those that are run: what is not used of them can be left out. */
const unusedIsOmitted = {
  name: "unused-is-omitted",
  setup(build) {
    build.onResolve({ filter: /^(\.|#)/ }, async ({ path, pluginData, ...options }) => {
      if (pluginData === unusedIsOmitted) return undefined;
      const resolved = await build.resolve(path, { ...options, pluginData: unusedIsOmitted });
      return { ...resolved, sideEffects: false };
    });
  },
};

rmSync("dist", { recursive: true, force: true });
execFileSync("npx", ["tsc", "-p", "tsconfig.build.json"], { stdio: "inherit" });
for (const path of readdirSync("dist", { recursive: true }))
  if (path.endsWith(".d.ts")) forOlderTypeScript(join("dist", path));
rmSync("dist/cli", { recursive: true });
const node = {
  bundle: true,
  format: "esm",
  target: "node20",
  platform: "node",
  packages: "external",
  splitting: true,
  allowOverwrite: true,
  minifyWhitespace: true,
  minifySyntax: true,
  conditions: ["lectern-source"],
  alias: {
    "#host": "./src/inference/host/host-node.ts",
    "#grammar": "./src/inference/grammar/grammar-node.ts",
    "#files": "./src/files/files-node.ts",
    "#hub": "./src/formats/hub/locate-node.ts",
    "#platform": "./src/runtime/platform-node.ts",
    "#data": "./src/training/data/data-node.ts",
    "#training": "./src/training/host/host-node.ts",
  },
  plugins: [unusedIsOmitted],
  logLevel: "warning",
};
const requiring = 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);'; // by commander
await build({
  ...node,
  entryPoints: ["src/cli/main.ts"],
  outdir: "dist/cli",
  chunkNames: "[name]-[hash]",
  packages: "bundle",
  external: [...Object.keys(dependencies), ...Object.keys(peerDependencies)],
  banner: { js: requiring },
});
copyFileSync("node_modules/commander/LICENSE", "dist/cli/commander.LICENSE");
for (const entry of [
  "inference/host/worker-node",
  "inference/grammar/worker-node",
  "training/host/worker-node",
  "project/measure/probe-node",
])
  await build({
    ...node,
    entryPoints: [`src/${entry}.ts`],
    outdir: `dist/${dirname(entry)}`,
    chunkNames: "worker-[hash]",
  });
chmodSync("dist/cli/main.js", 0o755);
/** zod's messages in other languages, a fifth of the bundle; English has a file of its own. */
const englishAlone = {
  name: "english-alone",
  setup(build) {
    build.onLoad({ filter: /zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({ contents: "export {};" }));
  },
};
const web = {
  lectern: "src/index.ts",
  training: "src/training/index.ts",
  prompting: "src/prompting/index.ts",
  webgpu: "src/runtime/webgpu-web.ts",
};
for (const [name, entry] of Object.entries(web))
  await build({
    entryPoints: [entry],
    outfile: `dist/web/${name}.js`,
    bundle: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    minify: true,
    alias: {
      "#host": "./src/inference/host/host-web.ts",
      "#grammar": "./src/inference/grammar/grammar-web.ts",
      "#files": "./src/files/files-web.ts",
      "#hub": "./src/formats/hub/locate-web.ts",
      "#platform": "./src/runtime/platform-web.ts",
      "#data": "./src/training/data/data-web.ts",
      "#training": "./src/training/host/host-web.ts",
    },
    plugins: [englishAlone],
    logLevel: "warning",
  });
for (const name of ["ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.asyncify.wasm"])
  copyFileSync(join("node_modules/onnxruntime-web/dist", name), join("dist/web", name));
await buildStudio();
