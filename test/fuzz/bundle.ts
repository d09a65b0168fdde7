import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";

/** The repository. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Takes the product as it is built, since a model computes in a worker of its own file. */
const built: Plugin = {
  name: "built",
  setup(bundle) {
    bundle.onResolve({ filter: /\/src\// }, ({ path, resolveDir }) => {
      const source = resolve(resolveDir, path);
      const file = source.replace(join(root, "src"), join(root, "dist")).replace(/\.ts$/, ".js");
      return { path: pathToFileURL(file).href, external: true };
    });
  },
};

/** Writes the script that runs cases; the product must be built. */
export async function bundleChild(folder: string): Promise<string> {
  if (!existsSync(join(root, "dist/index.js"))) throw new Error("the fuzzer runs what is built: npm run build");
  const outfile = join(folder, "child.mjs");
  await build({
    entryPoints: [join(dirname(fileURLToPath(import.meta.url)), "child.ts")],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    sourcemap: "inline",
    plugins: [built],
    logLevel: "error",
  });
  return outfile;
}
