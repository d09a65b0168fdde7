/** Compiles src to dist, and bundles the browser's single file with ONNX Runtime's WebAssembly beside it. */
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

/** Declarations without the type argument of typed arrays, which TypeScript before 5.7 rejects and later ones default. */
function forOlderTypeScript(declarations) {
  return declarations.replace(/\b(\w+Array)<(?:ArrayBuffer|ArrayBufferLike|SharedArrayBuffer)>/g, "$1");
}

rmSync("dist", { recursive: true, force: true });
execFileSync("npx", ["tsc", "-p", "tsconfig.build.json"], { stdio: "inherit" });
for (const path of readdirSync("dist", { recursive: true }))
  if (path.endsWith(".d.ts"))
    writeFileSync(join("dist", path), forOlderTypeScript(readFileSync(join("dist", path), "utf8")));
chmodSync("dist/cli/main.js", 0o755);
await build({
  entryPoints: ["src/index.ts"],
  outfile: "dist/web/lectern.js",
  bundle: true,
  format: "esm",
  target: "es2022",
  platform: "browser",
  minify: true,
  alias: {
    "#host": "./src/model/host-web.ts",
    "#hub": "./src/formats/hub/locate-web.ts",
    "#platform": "./src/runtime/platform-web.ts",
  },
  logLevel: "warning",
});
copyFileSync("node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm", "dist/web/ort-wasm-simd-threaded.wasm");
