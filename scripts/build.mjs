/** Compiles src to dist, and bundles the browser's single file with ONNX Runtime's WebAssembly beside it. */
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, rmSync } from "node:fs";
import { build } from "esbuild";

rmSync("dist", { recursive: true, force: true });
execFileSync("npx", ["tsc", "-p", "tsconfig.build.json"], { stdio: "inherit" });
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
